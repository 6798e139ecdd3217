//! Links libass, which draws the captions.

fn main() {
    if let Err(why) = pkg_config::Config::new().atleast_version("0.15").probe("libass") {
        println!("cargo::error=libass 0.15 or newer is needed (Debian: libass-dev): {why}");
    }
}
