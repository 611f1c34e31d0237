"""Macau One Account to develop against: login, packets for registered departments, encrypted QR, notices. All of the
interface is synthetic (specs/macau.md).
"""
