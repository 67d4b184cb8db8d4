"""Series of numbers over time, and what is asked of them. Imports no Django and no Channels."""
