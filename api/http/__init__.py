"""How requests come in and answers go out: limits, bodies, headers, the OpenAPI document."""
