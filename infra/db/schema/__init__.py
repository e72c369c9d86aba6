"""The schema as it is now, as files to read: `<capability>.sql`, written from the catalogue of a migrated database.

docs/schema.md says how to read them and how to change the schema. Nothing here runs in the product.
"""
