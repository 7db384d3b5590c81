#!/usr/bin/python3
"""Makes what a phone reads from two passports' chips, from specimen data, in ICAO 9303 layout.

usage: specimen.py mrz ISSUER            the machine-readable zone, two lines (TD3)
       specimen.py passport ISSUER JPEG  EF.COM, EF.DG1 and EF.DG2 one after the other, on standard
       output
       specimen.py face                  a drawn face, 480x640 RGB, on standard output

ISSUER is UTO (the specimen of Doc 9303 part 4 itself) or DNK (made up). No person is described by
either. Structures: Doc 9303 part 10 (LDS), ISO/IEC 19794-5:2005 (the face record inside DG2)."""
import struct
import sys

HOLDERS = {
    # number, surname, given names, nationality, birth, sex, expiry, personal number
    "UTO": ("L898902C3", "ERIKSSON", "ANNA MARIA", "UTO", "740812", "F", "120415", "ZE184226B"),
    "DNK": ("900000017", "SPECIMEN", "TIMEGLAS", "DNK", "850101", "X", "310228", ""),
}
# Doc 9303 part 4 prints this; making it anew checks every check digit below.
PRINTED = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)
WIDTH, HEIGHT = 480, 640


def check_digit(text):
    """Doc 9303 part 3, 4.9: weights 7, 3, 1; digits as they are, A is 10, the filler is 0."""
    value = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return str(
        sum((7, 3, 1)[i % 3] * (0 if c == "<" else value.index(c)) for i, c in enumerate(text)) % 10
    )


def checked(text):
    return text + check_digit(text)


def mrz(issuer):
    number, surname, given, nationality, birth, sex, expiry, personal = HOLDERS[issuer]
    first = f"P<{issuer:<<3}{surname}<<{given.replace(' ', '<')}".ljust(44, "<")
    fields = (
        checked(number.ljust(9, "<")),
        checked(birth),
        checked(expiry),
        checked(personal.ljust(14, "<")),
    )
    second = (
        fields[0]
        + nationality.ljust(3, "<")
        + fields[1]
        + sex.replace("X", "<")
        + fields[2]
        + fields[3]
    )
    return first, second + check_digit("".join(fields))


def tlv(tag, value):
    """BER-TLV with the shortest definite length."""
    length = len(value)
    if length < 0x80:
        head = bytes([length])
    else:
        octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
        head = bytes([0x80 | len(octets)]) + octets
    return bytes.fromhex(tag) + head + value


def face_record(jpeg):
    """ISO/IEC 19794-5: a record header, one facial information block, one image block, the
    image."""
    image = struct.pack(
        ">BBHHBBHH", 1, 0, WIDTH, HEIGHT, 1, 2, 0, 0
    )  # full frontal, JPEG, sRGB, still camera
    facial = struct.pack(">HBBB3sH3s3s", 0, 0, 0, 0, bytes(3), 0, bytes(3), bytes(3))
    block = struct.pack(">I", 4 + len(facial) + len(image) + len(jpeg)) + facial + image + jpeg
    return b"FAC\0" + b"010\0" + struct.pack(">IH", 14 + len(block), 1) + block


def passport(issuer, jpeg):
    com = tlv("60", tlv("5f01", b"0107") + tlv("5f36", b"040000") + tlv("5c", bytes([0x61, 0x75])))
    dg1 = tlv("61", tlv("5f1f", "".join(mrz(issuer)).encode("ascii")))
    header = tlv("a1", tlv("80", b"\x01\x01") + tlv("87", b"\x01\x01") + tlv("88", b"\x00\x08"))
    template = tlv("7f60", header + tlv("5f2e", face_record(jpeg)))
    return com + dg1 + tlv("75", tlv("7f61", tlv("02", b"\x01") + template))


def face():
    """A head, two eyes and a mouth on a plain ground: ellipses, each over those before it."""
    shapes = [  # centre, radii, colour
        (240, 560, 190, 130, (70, 90, 130)),
        (240, 300, 130, 180, (214, 172, 144)),
        (240, 160, 138, 70, (84, 60, 44)),
        (190, 280, 22, 12, (250, 250, 250)),
        (290, 280, 22, 12, (250, 250, 250)),
        (190, 280, 9, 11, (50, 70, 60)),
        (290, 280, 9, 11, (50, 70, 60)),
        (240, 335, 14, 26, (196, 150, 124)),
        (240, 400, 46, 12, (160, 70, 70)),
    ]
    pixels = bytearray(bytes((226, 228, 230)) * (WIDTH * HEIGHT))
    for cx, cy, rx, ry, colour in shapes:
        for y in range(max(0, cy - ry), min(HEIGHT, cy + ry + 1)):
            half = int(rx * max(0.0, 1 - ((y - cy) / ry) ** 2) ** 0.5)
            left, right = max(0, cx - half), min(WIDTH, cx + half)
            pixels[3 * (y * WIDTH + left) : 3 * (y * WIDTH + right)] = bytes(colour) * (
                right - left
            )
    return bytes(pixels)


def main(args):
    if mrz("UTO") != PRINTED:
        sys.exit("specimen: the check digits do not come out as Doc 9303 prints them")
    if args[:1] == ["face"] and len(args) == 1:
        sys.stdout.buffer.write(face())
    elif args[:1] == ["mrz"] and len(args) == 2 and args[1] in HOLDERS:
        print("\n".join(mrz(args[1])))
    elif args[:1] == ["passport"] and len(args) == 3 and args[1] in HOLDERS:
        with open(args[2], "rb") as image:
            sys.stdout.buffer.write(passport(args[1], image.read()))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
