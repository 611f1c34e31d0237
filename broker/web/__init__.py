"""The broker over HTTP: wallet API, gates API and the consent pages. Routers translate; flows decide."""
