"""Identity providers behind one port (`broker.wire.identity_connector.IdentityConnector`): one adapter each, and
servers that stand in for them.
"""
