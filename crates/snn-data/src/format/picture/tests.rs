//! Pictures that are put together chunk by chunk.

use std::io::Write;

use flate2::Crc;
use flate2::write::ZlibEncoder;

use super::*;

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let body = [name, content].concat();
    let mut crc = Crc::new();
    crc.update(&body);
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length, &body[..], &crc.sum().to_be_bytes()].concat()
}

fn header(width: u32, height: u32, depth: u8, color: u8) -> Vec<u8> {
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    chunk(b"IHDR", &[&sides[..], &[depth, color, 0, 0, 0]].concat())
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    [PNG, &chunks.concat(), &chunk(b"IEND", b"")].concat()
}

fn read(bytes: &[u8]) -> Result<Image> {
    picture(bytes, &Limits::default(), Path::new("x"))
}

fn why(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

/// Two rows of two grey values, unfiltered.
fn grey() -> [Vec<u8>; 2] {
    [header(2, 2, 8, 0), chunk(b"IDAT", &packed(&[0, 10, 20, 0, 30, 40]))]
}

const PIXELS: [u8; 12] = [10, 20, 30, 40, 10, 20, 30, 40, 10, 20, 30, 40];

#[test]
fn chunks_that_make_no_pixels_are_passed_over() {
    let [header, pixels] = grey();
    let frame = |width: u32, height: u32| {
        let numbers = [0, width, height, 0, 0, 0].map(u32::to_be_bytes).concat();
        chunk(b"fcTL", &[&numbers[..], &[0, 0]].concat())
    };
    // What follows is inside of the chunk's content, but behind what the decoder reads of it.
    let hidden = [&[0, 10, 0, 0, 0, 0][..], &frame(u32::MAX, u32::MAX)].concat();
    let bomb = [b"k\0\0", &packed(&vec![0; 1 << 25])[..]].concat();
    for passed in [
        frame(u32::MAX, u32::MAX),
        frame(60_000, 60_000),
        [chunk(b"acTL", &[0, 0, 0, 1, 0, 0, 0, 0]), frame(1, 1)].concat(),
        chunk(b"tRNS", &hidden),
        chunk(b"PLTE", &[[0; 768].as_slice(), &hidden].concat()),
        chunk(b"zTXt", &bomb),
        chunk(b"iCCP", &bomb),
        chunk(b"eXIf", &vec![0; 21 << 20]),
    ] {
        let image = read(&file(&[header.clone(), passed, pixels.clone()])).unwrap();
        assert_eq!((image.shape(), image.pixels()), ([3, 2, 2], &PIXELS[..]));
    }
}

#[test]
fn chunks_out_of_place_are_named_with_their_byte() {
    let indexed = header(2, 2, 8, 3);
    let [header, pixels] = grey();
    let palette = |colors: usize| chunk(b"PLTE", &vec![7; 3 * colors]);
    let place = |name: &str, at: usize| {
        format!(
            "x: damaged picture: the chunk {name} does not belong here; fetch or save the file again (at byte {at})"
        )
    };
    let again = [header.clone(), header.clone(), pixels.clone()];
    assert_eq!(why(&file(&again)), place("IHDR", 33));
    for (chunks, name, at) in [
        ([indexed.clone(), pixels.clone()], "IDAT", 33),
        ([indexed.clone(), palette(257)], "PLTE", 33),
        ([indexed.clone(), chunk(b"PLTE", &[7; 4])], "PLTE", 33),
        ([indexed.clone(), [palette(1), palette(1)].concat()], "PLTE", 48),
        ([header.clone(), chunk(b"ABCD", b"")], "ABCD", 33),
    ] {
        assert_eq!(why(&file(&chunks)), place(name, at));
    }
    let image = read(&file(&[indexed, palette(41), pixels])).unwrap();
    assert_eq!(image.pixels(), [7; 12]);
    let cut = [PNG, &header, &[0, 0, 1, 0], b"tEXt"].concat();
    let need =
        "x: a PNG chunk needs 268 bytes and 8 are left; fetch or save the file again (at byte 33)";
    assert_eq!(why(&cut), need);
    assert!(
        why(&cut[..25]).ends_with("header is missing; fetch or save the file again (at byte 0)")
    );
}

#[test]
fn a_flipped_bit_of_a_png_gives_an_error_or_the_same_pixels() {
    let [header, pixels] = grey();
    let end = PNG.len() + header.len() + pixels.len();
    let whole = file(&[header, pixels, chunk(b"tEXt", b"a\0b")]);
    let mut unseen = Vec::new();
    for bit in 0..8 * whole.len() {
        let (at, mut bytes) = (bit / 8, whole.clone());
        bytes[at] ^= 1 << (bit % 8);
        match read(&bytes) {
            // The header has no checksum that is looked at: other sides, another kind.
            Ok(image) if !(16..29).contains(&at) => {
                assert_eq!(image.pixels(), PIXELS, "bit {bit}");
                unseen.push(at);
            }
            _ => {}
        }
    }
    // Checksums of chunks, the text, and at most the seven bits that fill up the packed pixels.
    let fill = unseen.iter().filter(|&&at| (41..end - 4).contains(&at)).count();
    assert!(fill < 8, "{fill} bits of the pixels are not seen");
}

#[test]
fn sides_and_claims_are_bounded() {
    let limits = Limits { side: 1, ..Limits::default() };
    for bytes in [file(&grey()), jpeg_of(0xc0, &[0x11], b"", b"")] {
        let error = picture(&bytes, &limits, Path::new("x")).unwrap_err();
        assert!(matches!(error, Error::Limit { what: "side", limit: 1, .. }), "{error}");
    }
    let missing = "x: damaged picture: rows are missing; fetch or save the file again (at byte 0)";
    let [_, pixels] = grey();
    assert_eq!(why(&file(&[header(9000, 9000, 8, 2), pixels])), missing);
    let mut jpeg = jpeg_of(0xc2, &[0x22, 0x11, 0x11], b"", b"");
    assert_eq!(read(&jpeg).unwrap().shape(), [3, 16, 16]);
    let frame = jpeg.windows(2).position(|at| at == [0xff, 0xc2]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[9000u16.to_be_bytes(); 2].concat());
    assert_eq!(why(&jpeg), missing);
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], &length, content].concat()
}

/// A grey JPEG of 16x16: each component's factors of sampling, what follows the frame, and what the first scan.
fn jpeg_of(frame: u8, sampling: &[u8], colors: &[u8], between: &[u8]) -> Vec<u8> {
    let n = u8::try_from(sampling.len()).unwrap();
    let components: Vec<u8> = (1..).zip(sampling).flat_map(|(id, &by)| [id, by, 0]).collect();
    let ids: Vec<u8> = (1..=n).flat_map(|id| [id, 0]).collect();
    let last = if frame == 0xc2 { 0 } else { 63 };
    // One code of one bit, 0, for both kinds of coefficients: no change, and the block's end.
    let codes = |kind: u8| segment(0xc4, &[&[kind, 1][..], &[0; 16]].concat());
    let scan = [segment(0xda, &[&[n], &ids[..], &[0, last, 0]].concat()), vec![0; 2]].concat();
    let second = if between.is_empty() { vec![] } else { [between, &scan].concat() };
    let frame = segment(frame, &[&[8, 0, 16, 0, 16, n], &components[..]].concat());
    let tables = [segment(0xdb, &[&[0][..], &[1; 64]].concat()), codes(0x00), codes(0x10)];
    [JPEG, &tables.concat(), &frame, colors, &scan, &second, b"\xff\xd9"].concat()
}

#[test]
fn jpegs_that_the_decoder_cannot_make_are_refused() {
    let adobe = |kind: u8| segment(0xee, &[&b"Adobe\0\x64\0\0\0\0"[..], &[kind]].concat());
    let unknown = "x: damaged picture: its colors are of an unknown kind; fetch or save the file again (at byte 0)";
    for (sampling, kind) in
        [(&[0x11, 0x11][..], 2), (&[0x11, 0x11], 1), (&[0x22, 0x11, 0x11, 0x11], 1)]
    {
        assert_eq!(why(&jpeg_of(0xc2, sampling, &adobe(kind), b"")), unknown);
    }
    // Grey has no kind of colors.
    let grey = read(&jpeg_of(0xc2, &[0x11], &adobe(2), b"")).unwrap();
    assert_eq!(grey, read(&jpeg_of(0xc2, &[0x11], b"", b"")).unwrap());
    let late = why(&jpeg_of(0xc2, &[0x22, 0x11, 0x11, 0x11], b"", &adobe(1)));
    assert!(late.contains("its kind of colors changes"), "{late}");
    let coarse = why(&jpeg_of(0xc0, &[0x11, 0x22, 0x11], b"", b""));
    assert!(coarse.contains("its first component is not its finest"), "{coarse}");
    let cut = [JPEG, b"\xff\xe1\xff\xff", JPEG, b"\xff\xda\xff\xd9"].concat();
    let need = "x: a JPEG segment needs 65537 bytes and 10 are left; fetch or save the file again (at byte 2)";
    assert_eq!(why(&cut), need);
    let part = [&b"http://ns.adobe.com/xmp/extension/\0"[..], &[7; 41]].concat();
    let notes = [segment(0xe1, &part), segment(0xe2, b"ICC_PROFILE\0\x01\x01??")].concat();
    let plain = jpeg_of(0xc2, &[0x11], b"", b"");
    let noted = jpeg_of(0xc2, &[0x11], &notes.repeat(3), b"");
    assert_eq!(pixel_segments(&noted, Path::new("x")).unwrap(), plain);
    assert_eq!(read(&noted).unwrap().pixels(), [128; 768]);
}
