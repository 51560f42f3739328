//! Compresses the static files once, so that no request pays for it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::{env, io};

use flate2::Compression;
use flate2::write::GzEncoder;

const FILES: [&str; 4] = ["style.css", "icons.svg", "favicon.svg", "home.js"];

fn main() -> io::Result<()> {
    let Some(folder) = env::var_os("OUT_DIR") else {
        return Err(io::Error::other("OUT_DIR is not set"));
    };
    for name in FILES {
        let source = Path::new("static").join(name);
        println!("cargo::rerun-if-changed={}", source.display());
        let content = fs::read(source)?;
        let target = File::create(Path::new(&folder).join(format!("{name}.gz")))?;
        let mut encoder = GzEncoder::new(target, Compression::best());
        encoder.write_all(&content)?;
        encoder.finish()?;
    }
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}
