"""Every clip says what it is: marks in its picture and its sound, a signature, and a library that finds it again.

`Provenance` (provenance.py) is what `media.write_clip` calls; `verify` (verify.py) reads a file back.
"""
