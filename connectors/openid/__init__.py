"""OpenID Connect towards a provider: code flow with PKCE, nonce and PAR, every token verified, nothing kept between
logins.
"""
