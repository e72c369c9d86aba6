"""What staff are told when something is wrong: the words of a notice, and the channels that carry it."""
