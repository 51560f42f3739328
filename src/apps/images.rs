//! Uploaded icons: which bytes are one, and where they are kept.
//!
//! An icon is a small PNG or WebP picture that does not move, and nothing else: the file is walked
//! from its first byte to its last. The bytes are kept in the database, by their hash, and go when
//! no app names them any more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use diesel::prelude::*;

use crate::db::schema::{app_images, apps};
use crate::db::{Conn, each};
use crate::error::{Error, Result};
use crate::secret::sha256;

/// The most bytes that an icon may have.
pub const MAX_BYTES: usize = 65_536;
/// The most pixels that an icon may be wide or high.
pub const MAX_SIDE: u32 = 512;

/// Why a file is no icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFault {
    /// There is no file, or nothing in it.
    Missing,
    TooManyBytes,
    /// A drawing, which may contain scripts.
    Svg,
    /// Neither PNG nor WebP.
    OtherKind,
    Moving,
    TooManyPixels,
    /// The file is damaged or incomplete.
    Damaged,
    /// Something else follows the picture.
    MoreAfterEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Png,
    WebP,
}

impl Kind {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }
}

/// A picture that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub kind: Kind,
    /// The name under which apps and addresses know it.
    pub hash: String,
    content: Vec<u8>,
}

impl Image {
    /// Checks the bytes of a file.
    ///
    /// # Errors
    /// The first fault
    pub fn check(content: Vec<u8>) -> Result<Self, ImageFault> {
        if content.is_empty() {
            return Err(ImageFault::Missing);
        }
        if content.len() > MAX_BYTES {
            return Err(ImageFault::TooManyBytes);
        }
        let kind = if let Some(chunks) = content.strip_prefix(PNG) {
            check_png(chunks)?;
            Kind::Png
        } else if let Some(chunks) = content.strip_prefix(b"RIFF") {
            check_webp(chunks)?;
            Kind::WebP
        } else if is_svg(&content) {
            return Err(ImageFault::Svg);
        } else {
            return Err(ImageFault::OtherKind);
        };
        Ok(Self {
            kind,
            hash: sha256(&content),
            content,
        })
    }

    pub fn content(&self) -> &[u8] {
        &self.content
    }
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

fn is_svg(content: &[u8]) -> bool {
    let start: String = content
        .iter()
        .take(2000)
        .map(|byte| char::from(*byte))
        .collect();
    start.contains("<svg")
        || start
            .trim_start_matches("\u{ef}\u{bb}\u{bf}")
            .starts_with("<?xml")
}

/// Takes a number of bytes off the front.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], ImageFault> {
    let (taken, left) = rest.split_at_checked(count).ok_or(ImageFault::Damaged)?;
    *rest = left;
    Ok(taken)
}

fn take_four(rest: &mut &[u8]) -> Result<[u8; 4], ImageFault> {
    take(rest, 4)?.try_into().map_err(|_| ImageFault::Damaged)
}

fn length(number: u32) -> Result<usize, ImageFault> {
    usize::try_from(number).map_err(|_| ImageFault::Damaged)
}

fn check_sides(width: u32, height: u32) -> Result<(), ImageFault> {
    if width == 0 || height == 0 {
        return Err(ImageFault::Damaged);
    }
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(ImageFault::TooManyPixels);
    }
    Ok(())
}

/// Walks the chunks of a PNG file (ISO/IEC 15948, 5.3), of which the first is the header and the
/// last is the end.
fn check_png(mut rest: &[u8]) -> Result<(), ImageFault> {
    let (mut is_first, mut has_data) = (true, false);
    loop {
        let size = length(u32::from_be_bytes(take_four(&mut rest)?))?;
        let kind = take_four(&mut rest)?;
        let data = take(&mut rest, size)?;
        let sum = u32::from_be_bytes(take_four(&mut rest)?);
        if crc(kind.iter().chain(data)) != sum || is_first != (&kind == b"IHDR") {
            return Err(ImageFault::Damaged);
        }
        match &kind {
            b"IHDR" => {
                let mut header = data;
                let width = u32::from_be_bytes(take_four(&mut header)?);
                let height = u32::from_be_bytes(take_four(&mut header)?);
                check_sides(width, height)?;
            }
            b"IDAT" => has_data = true,
            b"acTL" | b"fcTL" | b"fdAT" => return Err(ImageFault::Moving),
            b"IEND" => break,
            _ => {}
        }
        is_first = false;
    }
    if !has_data {
        return Err(ImageFault::Damaged);
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(ImageFault::MoreAfterEnd)
    }
}

/// The checksum of a PNG chunk (ISO/IEC 15948, annex D).
fn crc<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    let sum = bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            let carry = if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
            carry ^ (sum >> 1)
        })
    });
    !sum
}

/// Walks the chunks of a WebP file (RFC 9649). A file holds exactly one picture.
fn check_webp(mut rest: &[u8]) -> Result<(), ImageFault> {
    let size = length(u32::from_le_bytes(take_four(&mut rest)?))?;
    if rest.strip_prefix(b"WEBP").is_none() {
        return Err(ImageFault::OtherKind);
    }
    if rest.len() > size {
        return Err(ImageFault::MoreAfterEnd);
    }
    let mut rest = take(&mut rest, size)?
        .strip_prefix(b"WEBP")
        .unwrap_or_default();
    let (mut is_first, mut pictures) = (true, 0);
    while !rest.is_empty() {
        let kind = take_four(&mut rest)?;
        let size = length(u32::from_le_bytes(take_four(&mut rest)?))?;
        let data = take(&mut rest, size)?;
        if !size.is_multiple_of(2) {
            take(&mut rest, 1)?;
        }
        match &kind {
            b"VP8X" if is_first => check_webp_header(data)?,
            b"VP8 " => {
                check_lossy(data)?;
                pictures += 1;
            }
            b"VP8L" => {
                check_lossless(data)?;
                pictures += 1;
            }
            b"ANIM" | b"ANMF" => return Err(ImageFault::Moving),
            _ if is_first => return Err(ImageFault::Damaged),
            _ => {}
        }
        is_first = false;
    }
    if pictures == 1 {
        Ok(())
    } else {
        Err(ImageFault::Damaged)
    }
}

fn check_webp_header(data: &[u8]) -> Result<(), ImageFault> {
    const IS_ANIMATED: u8 = 0b10;
    let [flags, _, _, _, w0, w1, w2, h0, h1, h2] = data else {
        return Err(ImageFault::Damaged);
    };
    if flags & IS_ANIMATED != 0 {
        return Err(ImageFault::Moving);
    }
    check_sides(
        u32::from_le_bytes([*w0, *w1, *w2, 0]).saturating_add(1),
        u32::from_le_bytes([*h0, *h1, *h2, 0]).saturating_add(1),
    )
}

/// A key frame of VP8 (RFC 6386, 9.1).
fn check_lossy(data: &[u8]) -> Result<(), ImageFault> {
    let [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = data else {
        return Err(ImageFault::Damaged);
    };
    // The upper two bits say how to scale.
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    check_sides(side(*w0, *w1), side(*h0, *h1))
}

/// A picture in the lossless form (RFC 9649, 3.4): twice 14 bits, each one less than a side.
fn check_lossless(data: &[u8]) -> Result<(), ImageFault> {
    let [0x2f, a, b, c, d, ..] = data else {
        return Err(ImageFault::Damaged);
    };
    let bits = u32::from_le_bytes([*a, *b, *c, *d]);
    check_sides((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1)
}

/// Keeps a picture. One that is there already stays.
pub fn store(conn: &mut Conn, image: &Image) -> Result<()> {
    if exists(conn, &image.hash)? {
        return Ok(());
    }
    diesel::insert_into(app_images::table)
        .values((
            app_images::hash.eq(&image.hash),
            app_images::content_type.eq(image.kind.content_type()),
            app_images::content.eq(STANDARD.encode(&image.content)),
        ))
        .execute(conn)?;
    Ok(())
}

pub fn exists(conn: &mut Conn, hash: &str) -> Result<bool> {
    let found: Option<String> = app_images::table
        .find(hash)
        .select(app_images::hash)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Finds a picture by its hash: its content type and its bytes.
pub fn find(conn: &mut Conn, hash: &str) -> Result<Option<(Kind, Vec<u8>)>> {
    let row: Option<(String, String)> = each!(conn, |conn| app_images::table
        .find(hash)
        .select((app_images::content_type, app_images::content))
        .first(conn)
        .optional())?;
    let Some((content_type, content)) = row else {
        return Ok(None);
    };
    // Only another program can have written anything else.
    let mut kinds = [Kind::Png, Kind::WebP].into_iter();
    let Some(kind) = kinds.find(|kind| kind.content_type() == content_type) else {
        return Ok(None);
    };
    let content = STANDARD
        .decode(content)
        .map_err(|error| Error::Internal(format!("icon {hash}: {error}")))?;
    Ok(Some((kind, content)))
}

/// Removes the pictures that no app names.
pub fn remove_unused(conn: &mut Conn) -> Result<usize> {
    let named = apps::table.filter(apps::image.eq(app_images::hash.nullable()));
    let unused = app_images::table.filter(diesel::dsl::not(diesel::dsl::exists(named)));
    Ok(each!(conn, |conn| diesel::delete(unused).execute(conn))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
        let size = u32::try_from(data.len()).expect("small");
        let sum = crc(kind.iter().chain(data));
        [&size.to_be_bytes()[..], &kind, data, &sum.to_be_bytes()].concat()
    }

    fn png(width: u32, more: &[u8]) -> Vec<u8> {
        let header = [
            &width.to_be_bytes()[..],
            &1_u32.to_be_bytes(),
            &[8, 0, 0, 0, 0],
        ]
        .concat();
        [
            PNG.to_vec(),
            chunk(*b"IHDR", &header),
            more.to_vec(),
            chunk(*b"IDAT", &[0]),
            chunk(*b"IEND", &[]),
        ]
        .concat()
    }

    fn webp(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut body = b"WEBP".to_vec();
        for (kind, data) in chunks {
            let size = u32::try_from(data.len()).expect("small");
            body.extend([&kind[..], &size.to_le_bytes(), data].concat());
            body.extend(vec![0; data.len() % 2]);
        }
        let size = u32::try_from(body.len()).expect("small");
        [b"RIFF", &size.to_le_bytes()[..], &body].concat()
    }

    fn fault(content: Vec<u8>) -> Option<ImageFault> {
        Image::check(content).err()
    }

    #[test]
    fn a_small_picture_that_does_not_move_is_an_icon() {
        let image = Image::check(png(512, &[])).expect("an icon");
        assert_eq!((image.kind, image.hash.len()), (Kind::Png, 43));
        let lossless = [0x2f, 0xff, 0xc1, 0x7f, 0];
        let lossy = [0, 0, 0, 0x9d, 0x01, 0x2a, 0, 2, 0, 2];
        let extended = [0x10, 0, 0, 0, 255, 1, 0, 255, 1, 0];
        for chunks in [
            vec![(b"VP8L", &lossless[..])],
            vec![(b"VP8 ", &lossy[..])],
            vec![(b"VP8X", &extended[..]), (b"ALPH", &[1]), (b"VP8 ", &lossy)],
        ] {
            assert_eq!(fault(webp(&chunks)), None, "{chunks:?}");
        }
    }

    #[test]
    fn everything_else_is_refused_and_says_why() {
        let lossy = [0, 0, 0, 0x9d, 0x01, 0x2a, 1, 2, 0, 2];
        let moving = [0x02, 0, 0, 0, 9, 0, 0, 9, 0, 0];
        let wide = [0, 0, 0, 0, 0, 2, 0, 9, 0, 0];
        let good = [0, 0, 0, 0x9d, 0x01, 0x2a, 9, 0, 9, 0];
        let mut broken = png(16, &[]);
        broken[40] ^= 1;
        let mut cut = png(16, &[]);
        cut.truncate(cut.len() - 1);
        for (content, expected) in [
            (Vec::new(), ImageFault::Missing),
            (vec![0; MAX_BYTES + 1], ImageFault::TooManyBytes),
            (b"<svg onload=alert(1)>".to_vec(), ImageFault::Svg),
            (b"<?xml version=\"1.0\"?><a/>".to_vec(), ImageFault::Svg),
            (b"\xff\xd8\xff\xe0".to_vec(), ImageFault::OtherKind),
            (b"\0\0\x01\0".to_vec(), ImageFault::OtherKind),
            (b"GIF89a".to_vec(), ImageFault::OtherKind),
            (b"RIFF\x04\0\0\0WAVE".to_vec(), ImageFault::OtherKind),
            (png(513, &[]), ImageFault::TooManyPixels),
            (png(0, &[]), ImageFault::Damaged),
            (png(16, &chunk(*b"acTL", &[0; 8])), ImageFault::Moving),
            (
                [png(16, &[]), b"<script>".to_vec()].concat(),
                ImageFault::MoreAfterEnd,
            ),
            (broken, ImageFault::Damaged),
            (cut, ImageFault::Damaged),
            (PNG.to_vec(), ImageFault::Damaged),
            (webp(&[(b"VP8 ", &lossy)]), ImageFault::TooManyPixels),
            (
                webp(&[(b"VP8X", &wide), (b"VP8 ", &good)]),
                ImageFault::TooManyPixels,
            ),
            (
                webp(&[(b"VP8X", &moving), (b"ANIM", &[0; 6])]),
                ImageFault::Moving,
            ),
            (
                webp(&[(b"VP8 ", &good), (b"ANMF", &[0; 6])]),
                ImageFault::Moving,
            ),
            (
                webp(&[(b"VP8 ", &good), (b"VP8 ", &good)]),
                ImageFault::Damaged,
            ),
            (webp(&[]), ImageFault::Damaged),
            (
                [webp(&[(b"VP8 ", &good)]), vec![0]].concat(),
                ImageFault::MoreAfterEnd,
            ),
        ] {
            let start = String::from_utf8_lossy(&content)
                .chars()
                .take(60)
                .collect::<String>();
            assert_eq!(fault(content), Some(expected), "{start}");
        }
    }
}
