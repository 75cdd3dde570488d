"""How images get into a registry: layouts → one index → skopeo, under tags that one rule makes."""
