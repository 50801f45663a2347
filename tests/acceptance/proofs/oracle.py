"""Reads all entries of a log over HTTP and prints the root of the tree over them, in base64."""

import base64
import sys
import urllib.request

from pymerkle import InmemoryTree

address, size = sys.argv[1], int(sys.argv[2])
tree = InmemoryTree(algorithm="sha256")
for tile in range((size + 255) // 256):
    width = min(256, size - 256 * tile)
    part = "" if width == 256 else f".p/{width}"
    with urllib.request.urlopen(f"{address}/tile/entries/{tile:03}{part}") as answer:
        bundle = answer.read()
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        tree.append_entry(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
assert tree.get_size() == size
print(base64.b64encode(tree.get_root()).decode())
