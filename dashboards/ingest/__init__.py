"""Numbers as senders send them: bodies in, readings out. Imports no Django and no Channels."""
