#!/usr/bin/env python3
"""embed.py OUT.c name=file ...: writes each file as a C byte array (YAML turned into compact JSON)."""
import json
import sys

import yaml

out = ["/* Made by api/embed.py. */", '#include "api/files.h"', ""]
for pair in sys.argv[2:]:
    name, path = pair.split("=", 1)
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".yaml"):
        data = json.dumps(yaml.safe_load(data), separators=(",", ":"), ensure_ascii=False, default=str).encode()
    rows = [", ".join(str(b) for b in data[i:i + 24]) for i in range(0, len(data), 24)]
    out.append(f"static const unsigned char {name}_bytes[] = {{\n" + ",\n".join(rows) + "\n};")
    out.append(f"const struct file file_{name} = {{{name}_bytes, sizeof {name}_bytes}};\n")
with open(sys.argv[1], "w", encoding="utf-8") as file:
    file.write("\n".join(out))
