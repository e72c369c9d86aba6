# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
"""A client library for accessing Durable order management"""

from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)
