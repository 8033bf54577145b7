#!/usr/bin/env python3
"""Makes the inputs that fuzzers start from: one directory a target below DIRECTORY.

Usage: make_seeds.py DIRECTORY. Inputs named good-* are accepted by their target, which
tests/fuzz/replay.cpp checks; bad-* are refused. The same files each time.
"""
import gzip
import json
import struct
import sys
from pathlib import Path

AS_IT_STANDS, ASSEMBLED = b"\1", b"\0"


def idx(code, shape, element, values):
    header = bytes([0, 0, code, len(shape)]) + b"".join(struct.pack(">I", n) for n in shape)
    return header + b"".join(struct.pack(">" + element, value) for value in values)


def idx_seeds():
    types = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}
    for code, element in types.items():
        yield f"good-{code:02x}", idx(code, [2, 3], element, range(6))
    yield "good-images", idx(0x08, [2, 4, 4], "B", range(32))
    yield "good-eight-dimensions", idx(0x08, [1] * 8, "B", [7])
    yield "good-gzip", gzip.compress(idx(0x08, [5], "B", range(5)), mtime=0)
    yield "bad-short", idx(0x08, [2, 3], "B", range(5))
    yield "bad-long", idx(0x08, [2, 3], "B", range(7))
    yield "bad-promise", idx(0x08, [0xFFFFFFFF, 0xFFFFFFFF], "B", range(7))


def npy(descr, shape, data, fortran=False):
    text = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}"
    return text.encode() + b"\n" + data


def npy_file(text, version=1):
    header, data = text.split(b"\n", 1)
    length = struct.pack("<H" if version == 1 else "<I", len(header) + 1)
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + b"\n" + data


def npy_seeds():
    for descr in ("|b1", "|u1", "|i1", "<u2", ">i2", "<u4", "<i8", "<f2", ">f4", "<f8", ">f8"):
        size = int(descr[2:])
        yield f"good-{descr[0].replace('|', '-').replace('<', 'l').replace('>', 'b')}{descr[1:]}", (
            ASSEMBLED + npy(descr, (2, 3), bytes(6 * size)))
    yield "good-fortran", ASSEMBLED + npy("<f4", (2, 3), struct.pack("<6f", *range(6)), True)
    yield "good-vector", ASSEMBLED + npy("<f8", "(3,)", struct.pack("<3d", 1, 2, 3))
    yield "good-version-2", AS_IT_STANDS + npy_file(npy("|u1", (2, 2), b"abcd"), 2)
    yield "good-gzip", AS_IT_STANDS + gzip.compress(npy_file(npy("|u1", (2, 2), b"abcd")), mtime=0)
    yield "bad-object", ASSEMBLED + npy("|O", (1,), b"\x80\x04N.")
    yield "bad-structured", ASSEMBLED + npy([("a", "<f4")], (1,), bytes(4))
    yield "bad-promise", ASSEMBLED + npy("<f8", (1 << 40, 1 << 40), b"1234")


def gzip_seeds():
    plain = idx(0x08, [64], "B", range(64))
    # to be compressed: how it is damaged, where (2 bytes), by what, the values
    for damage, verdict in enumerate(("good-none", "bad-cut", "bad-changed", "good-members")):
        yield verdict, bytes([0, damage, 30, 0, 255]) + bytes(range(40)) * 3
    yield "good-file", AS_IT_STANDS + gzip.compress(plain, mtime=0)
    yield "good-plain", AS_IT_STANDS + plain
    stored = gzip.compress(plain, 0, mtime=0)
    yield "good-stored", AS_IT_STANDS + stored
    with_name = bytes([*stored[:3], stored[3] | 8, *stored[4:10]]) + b"name\0" + stored[10:]
    yield "good-name", AS_IT_STANDS + with_name
    yield "bad-checksum", AS_IT_STANDS + stored[:-8] + bytes(4) + stored[-4:]


def csv_seeds():
    # header (0: unset, 2: yes, 3: no), labelled with precision and names of columns, label column,
    # class names, delimiter
    plain = bytes([0, 1, 0, 0, 0])
    yield "good-plain", plain + b"1,2.5,0\n3,4e-1,1\n"
    yield "good-header", plain + b"a,b,label\n1,2.5,x\n3,-4,y\n"
    yield "good-named", bytes([2, 1, 5, 0, 0]) + b"label,a,b\nx,1,2\ny,3,4\n"
    yield "good-quoted", plain + b'"a","b","c ""d"""\r\n"1", 2 ,"x,y"\r\n3,4,"z"\r\n'
    yield "good-mark", plain + b"\xef\xbb\xbfa,b,c\n1,2,0\n\n3,4,1\n"
    yield "good-semicolon", bytes([0, 1, 0, 0, 2]) + b"1;2;0\n3;4;1\n"
    yield "good-tab", bytes([0, 1, 0, 0, 3]) + b"1\t2\t0\n3\t4\t1\n"
    yield "good-unlabelled", bytes([0, 0, 0, 0, 0]) + b"1,2\n3,4\n"
    yield "good-classes", bytes([0, 1, 0, 3, 0]) + b"1,2,0\n3,4,1\n"
    yield "good-full", bytes([0, 1 + 8, 0, 0, 0]) + b"1700000000001,2,0\n1700000000002,4,1\n"
    yield "good-columns", bytes([0, 1 + 48 + 60, 0, 0, 0]) + b"c,y,a,b\n1,u,2,3\n4,v,5,6\n"
    yield "bad-text", plain + b"1,x,0\n3,y,1\n"
    yield "bad-ragged", plain + b"1,2,0\n3,1\n"
    yield "bad-quote", plain + b'1,"2,0\n3,4,1\n'
    yield "bad-range", plain + b"1e999,2,0\n3,4,1\n"


def tensors(metadata, **named):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (shape, values) in named.items():
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name.replace("_", ".")] = {"dtype": "F32", "shape": shape,
                                          "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    return json.dumps(header).encode() + b"\0" + data


def safetensors_seeds():
    yield "good-none", ASSEMBLED + b"{}\0"
    yield "good-two", ASSEMBLED + tensors({"a": "b"}, x=([2, 2], [1, 2, 3, 4]), y=([1], [5]))
    yield "good-empty", ASSEMBLED + tensors({}, x=([0, 3], []))
    text, data = tensors({}, x=([1], [1])).split(b"\0", 1)
    yield "good-file", AS_IT_STANDS + struct.pack("<Q", len(text)) + text + data
    yield "bad-length", AS_IT_STANDS + struct.pack("<Q", 1 << 62) + text + data
    yield "bad-gap", ASSEMBLED + text + b"\0" + data + b"more"
    yield "bad-escape", ASSEMBLED + b'{"\\ud800": 1}\0'


def model(**changed):
    metadata = {"format": "lamella", "format_version": "1",
                "architecture": '{"inputs":2,"hidden":[3],"classes":2,"activation":"relu",'
                                '"slope":0.01}',
                "class_names": '["no",{"hex":"ff"}]', "sample_shape": "[2]",
                "preprocessing": '{"offset":[0.5,1],"scale":[2]}', **changed}
    return tensors(metadata, layers_0_weight=([3, 2], [1, -1, 0.5, 2, 0, -3]),
                   layers_0_bias=([3], [0, 1, -1]), layers_1_weight=([2, 3], [1, 2, 3, -1, -2, -3]),
                   layers_1_bias=([2], [0.5, -0.5]))


def model_seeds():
    yield "good-hidden", ASSEMBLED + model()
    for name in ("leaky_relu", "tanh", "sigmoid", "identity"):
        yield f"good-{name}", ASSEMBLED + model(
            architecture=f'{{"inputs":2,"hidden":[3],"classes":2,"activation":"{name}","slope":1}}')
    yield "good-plain", ASSEMBLED + model(preprocessing='{"offset":[],"scale":[]}',
                                          sample_shape="[1,2,1]")
    yield "good-columns", ASSEMBLED + model(
        columns='{"features":["a",{"hex":"ff"}],"label":"y","precision":"f64"}')
    yield "bad-version", ASSEMBLED + model(format_version="999")
    yield "bad-classes", ASSEMBLED + model(class_names='["a"]')
    yield "bad-size", ASSEMBLED + model(
        architecture='{"inputs":9223372036854775807,"hidden":[3],"classes":2,"activation":"relu",'
                     '"slope":0.01}')


def json_seeds():
    yield "good-all", (b'{"a":[1,-2,3.5,1e300,"\\u00e9\\ud83d\\ude00\\n"],"b":{"c":[]},'
                       b'"d":18446744073709551615,"e":-9223372036854775808,"f":[true,false,null]}')
    yield "good-number", b"-0.0"
    yield "good-large", b"18446744073709551616"
    yield "bad-twice", b'{"a":1,"a":2}'
    yield "bad-deep", b"[" * 100 + b"]" * 100
    yield "bad-utf8", b'"\xff"'
    yield "bad-range", b"1e999"


def random_bytes(seed, count):
    state = seed * 2654435761 % (1 << 32) + 1
    out = bytearray()
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % (1 << 32)
        out.append(state >> 24)
    return bytes(out)


def kernel_seeds(kernels):
    """The first byte chooses kernel and type; anything else is a call, or one that is refused."""
    for kernel in range(kernels):
        for n in range(12):
            yield f"{kernel:02}-{n:02}", bytes([kernel]) + random_bytes(100 * kernel + n, 80)
        # own memory, real values, small sizes, dense operands: no call that is refused
        yield f"good-{kernel:02}", bytes([kernel, 1, 0, 7, 5, 6]) + bytes(40)


SEEDS = {"idx": idx_seeds, "npy": npy_seeds, "gzip": gzip_seeds, "csv": csv_seeds,
         "safetensors": safetensors_seeds, "model": model_seeds, "json": json_seeds,
         "products": lambda: kernel_seeds(6), "rows": lambda: kernel_seeds(12),
         "elements": lambda: kernel_seeds(10)}


def main():
    for target, seeds in SEEDS.items():
        directory = Path(sys.argv[1]) / target
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.iterdir():
            old.unlink()
        for name, content in seeds():
            (directory / name).write_bytes(content)


if __name__ == "__main__":
    main()
