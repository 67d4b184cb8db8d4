"""Whether everybody ends equal on a deployment: what `collab convergence` does.

`check` opens a scratch room on a site, has peers in several worker processes edit it through faults
that a seed decides, and compares what everybody holds with what the site gives and stored.
"""
