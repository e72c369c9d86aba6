"""A payment gateway, a carrier and a message provider in one HTTP process with a ledger of its own.

It stands where real providers stand, so that what the outside world believes can be compared with the product's books.
"""
