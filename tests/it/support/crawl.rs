//! Reads a site as its readers do, and says whether it is whole.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::Digest;

/// What a page of the simple API says of a file: its path in the site and its digest.
pub(crate) type Files = BTreeMap<String, (String, String)>;

/// Walks from the root over every project to every file, in HTML and in JSON.
///
/// Errors name the page, the link, and what is wrong with it: a page that is cut
/// short, a link to nothing, bytes that have not the stated digest. No site at
/// all is whole.
pub(crate) fn check(site: &Path) -> Result<Files, String> {
    let mut files = Files::new();
    let Some(root) = read(site, "simple/index.html")? else { return Ok(files) };
    whole_html("simple/index.html", &root)?;
    for (href, _) in anchors(&root) {
        let page = format!("simple/{href}index.html");
        // Read later than the root: a project that is gone by now was removed after the root was.
        let text = match read(site, &page)? {
            Some(text) => text,
            None if still_listed(site, &href)? => return Err(format!("{page} is missing")),
            None => continue,
        };
        whole_html(&page, &text)?;
        for (url, attributes) in anchors(&text) {
            let (url, sha256) =
                url.split_once("#sha256=").ok_or(format!("{page}: {url} has no digest"))?;
            check_file(site, &page, url, sha256, &mut files)?;
            if let Some(sidecar) = attributes.get("data-core-metadata") {
                let sha256 = sidecar.strip_prefix("sha256=").ok_or("sidecar without digest")?;
                check_file(site, &page, &format!("{url}.metadata"), sha256, &mut Files::new())?;
            }
        }
        let page = format!("simple/{href}index.v1_json");
        if let Some(text) = read(site, &page)? {
            let json: serde_json::Value =
                serde_json::from_str(&text).map_err(|error| format!("{page}: {error}"))?;
            for file in json["files"].as_array().ok_or("no files")? {
                let url = file["url"].as_str().ok_or("no url")?;
                let sha256 = file["hashes"]["sha256"].as_str().ok_or("no digest")?;
                check_file(site, &page, url, sha256, &mut files)?;
            }
        }
    }
    for page in ["index.html", "404.html"] {
        check_people(site, page, "")?;
    }
    check_people(site, "packages/index.html", "../")?;
    let projects = std::fs::read_dir(site.join("packages")).into_iter().flatten().flatten();
    for project in projects.filter(|entry| entry.path().is_dir()) {
        let name = project.file_name().into_string().map_err(|_| "a name that is not UTF-8")?;
        check_people(site, &format!("packages/{name}/index.html"), "../../")?;
    }
    Ok(files)
}

/// Whether a page for people leads to nothing that is not there.
fn check_people(site: &Path, page: &str, root: &str) -> Result<(), String> {
    let text = read(site, page)?.unwrap_or_default();
    for attribute in [" href=\"", " src=\""] {
        for rest in text.split(attribute).skip(1) {
            let url = unescape(rest.split('"').next().unwrap_or_default());
            let Some(path) = url.strip_prefix(root) else { continue };
            let ours = path.starts_with("assets/") || path.starts_with("files/");
            let path = path.replace("%2B", "+").replace("%21", "!");
            let is_gone = ours && !site.join(&path).is_file();
            if is_gone && read(site, page)?.is_some_and(|now| now == text) {
                return Err(format!("{page} leads to {path}, which is not there"));
            }
        }
    }
    Ok(())
}

/// Whether the root lists the project now. While a build removes it, it may have been read before.
fn still_listed(site: &Path, href: &str) -> Result<bool, String> {
    let root = read(site, "simple/index.html")?.unwrap_or_default();
    Ok(anchors(&root).iter().any(|(listed, _)| listed == href))
}

fn check_file(
    site: &Path,
    page: &str,
    url: &str,
    sha256: &str,
    files: &mut Files,
) -> Result<(), String> {
    let Some(relative) = url.strip_prefix("../../") else { return Ok(()) };
    let path = relative.replace("%2B", "+").replace("%21", "!");
    let bytes = match std::fs::read(site.join(&path)) {
        Ok(bytes) => bytes,
        // A reader that holds an old page while a build removes its files loads the page again.
        Err(_) if !read(site, page)?.unwrap_or_default().contains(url) => return Ok(()),
        Err(error) => return Err(format!("{page} links to {path}: {error}")),
    };
    let found = hex::encode(sha2::Sha256::digest(&bytes));
    if found != sha256 {
        return Err(format!("{page} links to {path} with {sha256}, its bytes have {found}"));
    }
    let filename = path.rsplit('/').next().unwrap_or_default().to_owned();
    files.insert(filename, (path, found));
    Ok(())
}

fn read(site: &Path, path: &str) -> Result<Option<String>, String> {
    match std::fs::read_to_string(site.join(path)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{path}: {error}")),
    }
}

fn whole_html(page: &str, text: &str) -> Result<(), String> {
    if text.starts_with("<!DOCTYPE html>") && text.ends_with("</body>\n</html>\n") {
        Ok(())
    } else {
        Err(format!("{page} is cut short"))
    }
}

/// The anchors of one of our own pages, each with its attributes.
pub(crate) fn anchors(html: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let tags = html.split("<a ").skip(1).filter_map(|rest| rest.split_once('>'));
    tags.map(|(tag, _)| {
        let mut attributes: BTreeMap<String, String> = tag
            .split("\" ")
            .filter_map(|attribute| attribute.split_once("=\""))
            .map(|(name, value)| (name.to_owned(), unescape(value.trim_end_matches('"'))))
            .collect();
        (attributes.remove("href").unwrap_or_default(), attributes)
    })
    .collect()
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}
