"""The currencies of ISO 4217 and how many decimals each has.

Source: ISO 4217 list one (SIX, the standard's maintenance agency), active codes as of 2026-01-01, fund codes included.
Codes without minor units of their own (metals, XDR, XSU, XUA, XTS, XXX) are no means of payment and left out. CLDR
shows some currencies with fewer decimals than they have (HUF, IDR, COP, MGA): amounts in the database follow ISO 4217.
"""

_TWO = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU
CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES
KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR
NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP
TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
_OTHERS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
# {code: digits after the point}
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **{code: digits for digits, codes in _OTHERS.items() for code in codes.split()},
}


def exponent(currency: str) -> int:
    """Digits after the point. A code that was withdrawn since, and stands in old orders, has two."""
    return EXPONENTS.get(currency, 2)


def is_known(currency: str) -> bool:
    """Whether it is an active currency of ISO 4217."""
    return currency in EXPONENTS
