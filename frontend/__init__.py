"""The pages of Collab: templates, styles and the scripts that run in the browser."""
