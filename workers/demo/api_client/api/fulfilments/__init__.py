# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
"""Contains endpoint functions for accessing the API"""
