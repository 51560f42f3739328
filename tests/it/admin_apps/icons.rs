//! Uploaded icons: what is one, where it is kept, and when it goes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{add, change, column, desk, told};
use crate::support::{Database, Person, on_both_databases, run};

/// A PNG picture of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A PNG with a comment before its end.
fn with_comment(png: &[u8], comment: &str) -> Vec<u8> {
    let (start, end) = png.split_at(png.len() - 12);
    let data = [b"tEXt", format!("Comment\0{comment}").as_bytes()].concat();
    let size = u32::try_from(data.len() - 4).expect("small");
    [
        start,
        &size.to_be_bytes(),
        &data,
        &crc(&data).to_be_bytes(),
        end,
    ]
    .concat()
}

fn crc(bytes: &[u8]) -> u32 {
    let sum = bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    });
    !sum
}

on_both_databases! {
    async fn an_uploaded_icon_is_served_to_everybody_and_goes_with_its_last_app(database) {
        let (portal, boss) = desk(database).await;
        add(&boss, &[]).await;
        let page = boss.get("/admin/apps/mail/image").await;
        let pixel = STANDARD.decode(PIXEL).expect("base64");
        // Pictures that differ in a comment.
        for number in 0..100 {
            let picture = with_comment(&pixel, &number.to_string());
            let done = boss.post_file("/admin/apps/mail/image", &page, &picture).await;
            assert_eq!(done.location(), "/admin/apps/mail", "{}", done.body);
        }
        assert_eq!(portal.database.count("app_images"), 1, "replaced ones are gone");
        let hash = column(&portal, "image");
        let form = boss.get("/admin/apps/mail").await;
        assert!(form.body.contains(&format!("<img src=\"/app-images/{hash}\"")), "{}", form.body);
        let image = portal.browser().get(&format!("/app-images/{hash}")).await;
        assert_eq!((image.status.as_u16(), image.header("content-type")), (200, "image/png"));
        assert_eq!(image.body, String::from_utf8_lossy(&with_comment(&pixel, "99")));
        for unknown in ["x", &"x".repeat(43), "..%2F"] {
            assert_eq!(portal.browser().get(&format!("/app-images/{unknown}")).await.status, 404);
        }
        // Saving the form keeps the icon.
        let (answer, _) = change(&boss, "mail", &[("note", "new")]).await;
        assert_eq!((answer.status.as_u16(), column(&portal, "image")), (303, hash.clone()));
        let events = told(&portal);
        assert!(events.iter().any(|event| event.ends_with(&format!(">{hash}"))), "{events:?}");
        boss.post("/admin/apps/mail/image/remove", &page, &[]).await;
        assert_eq!((portal.database.count("app_images"), column(&portal, "image")), (0, "NULL".to_owned()));
        boss.post_file("/admin/apps/mail/image", &page, &pixel).await;
        boss.post("/admin/apps/mail/remove", &page, &[]).await;
        assert_eq!((portal.database.count("apps"), portal.database.count("app_images")), (0, 0));
    }
}

#[test]
fn a_file_that_is_no_icon_is_refused_with_what_to_do() {
    run(async {
        let (portal, boss) = desk(Database::sqlite()).await;
        add(&boss, &[]).await;
        let path = "/admin/apps/mail/image";
        let page = boss.get(path).await;
        let pixel = STANDARD.decode(PIXEL).expect("base64");
        let mut wide = pixel.clone();
        wide[18..20].copy_from_slice(&513_u16.to_be_bytes());
        let sum = crc(&wide[12..29]).to_be_bytes();
        wide[29..33].copy_from_slice(&sum);
        let moving = b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0ANMF\0\0\0\0";
        let polyglot = [&pixel[..], b"<script>alert(1)</script>"].concat();
        for (file, words) in [
            (&b""[..], "Choose a file first"),
            (
                b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
                "rsvg-convert",
            ),
            (b"\0\0\x01\0\x01\0", "JPEG, GIF and ICO are not accepted"),
            (
                b"\xff\xd8\xff\xe0\0\x10JFIF",
                "JPEG, GIF and ICO are not accepted",
            ),
            (moving, "a picture that is not animated"),
            (&wide, "at most 512 pixels wide and high"),
            (&vec![0; 70_000], "at most 64 KiB"),
            (&vec![0; 3_000_000], "at most 64 KiB"),
            (&polyglot, "Something else follows the picture"),
            (&pixel[..40], "damaged or incomplete"),
        ] {
            let refused = boss.post_file(path, &page, file).await;
            let start = String::from_utf8_lossy(&file[..file.len().min(20)]).into_owned();
            assert_eq!(refused.status, 422, "{start}: {}", refused.body);
            assert!(refused.body.contains(words), "{start}: {}", refused.body);
            assert!(
                refused.body.contains("<title>Error: ") && refused.body.contains("href=\"#file\"")
            );
        }
        assert_eq!(
            (
                portal.database.count("app_images"),
                column(&portal, "image")
            ),
            (0, "NULL".to_owned())
        );
        // The token and the origin count for files too.
        let stranger = portal.signed_in(&Person::named("eve")).await;
        let theirs = stranger.get("/account").await;
        assert_eq!(
            boss.post_file(path, &theirs, &pixel).await.status,
            403,
            "another's token"
        );
        assert_eq!(
            stranger.post_file(path, &theirs, &pixel).await.status,
            403,
            "no admin"
        );
        assert_eq!(boss.post(path, &page, &[]).await.status, 403, "no file");
        assert_eq!(
            boss.post_file("/admin/apps/none/image", &page, &pixel)
                .await
                .status,
            404
        );
        assert_eq!(portal.database.count("app_images"), 0);
    });
}
