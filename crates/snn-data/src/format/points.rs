//! Shapes in space: `.off` meshes and `.xyz` point clouds, both plain text.

use std::path::Path;

use crate::{Error, FormatFault, Limits, Result, limits};

/// A surface of triangles.
#[derive(Clone, Debug, PartialEq)]
pub struct Mesh {
    /// Positions.
    pub vertices: Vec<[f32; 3]>,
    /// Each three places in `vertices`; a face of more corners is cut into a fan.
    pub triangles: Vec<[u32; 3]>,
}

/// Reads the Object File Format: `OFF`, then the numbers of vertices, faces and edges, which some files of ModelNet glue
/// to it (`OFF490 518 0`), then the vertices, then faces, each as the number of its corners and their places. What
/// follows a face on its line, such as a color, is left out.
///
/// # Errors
/// [`Error::Format`] when the text differs from that, [`Error::Limit`] past `limits.file_bytes`.
pub fn off(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Mesh> {
    limits::check(path, "file_bytes", bytes.len() as u64, limits.file_bytes)?;
    let magic = || Error::format(path, 0, FormatFault::Magic { expected: "an OFF mesh" });
    let text = std::str::from_utf8(bytes).map_err(|_| magic())?;
    let text = text.trim_start().strip_prefix("OFF").ok_or_else(magic)?;
    let mut at = bytes.len() - text.len();
    let mut lines = text.split('\n').filter_map(|line| {
        let start = at;
        at += line.len() + 1;
        let line = line.split('#').next().unwrap_or("").trim();
        (!line.is_empty()).then_some((start, line))
    });
    let mut line = || lines.next().unwrap_or((bytes.len(), ""));
    let refuse = |at, why| Error::format(path, at, FormatFault::Header { why });
    let (at, counts) = line();
    let why = "the counts after OFF are damaged; fetch or save the file again";
    let [n_vertices, n_faces] = numbers::<usize, 2>(counts).ok_or_else(|| refuse(at, why))?;
    // Vectors grow with the lines that are there, whatever the counts say.
    let mut mesh = Mesh { vertices: Vec::new(), triangles: Vec::new() };
    for _ in 0..n_vertices {
        let (at, vertex) = line();
        let why = "a vertex is missing or damaged; fetch or save the file again";
        mesh.vertices.push(position(vertex).ok_or_else(|| refuse(at, why))?);
    }
    for _ in 0..n_faces {
        let (at, face) = line();
        let mut corners = face.split_ascii_whitespace().map(|word| word.parse::<u32>().ok());
        let why = "a face is missing or damaged; fetch or save the file again";
        let n = corners.next().flatten().ok_or_else(|| refuse(at, why))? as usize;
        let corners: Option<Vec<u32>> = corners.take(n).collect();
        let known = |corner: &u32| (*corner as usize) < mesh.vertices.len();
        let corners = corners.filter(|corners| corners.len() == n && corners.iter().all(known));
        let why = "a face names a vertex that is not there; fetch or save the file again";
        let corners = corners.ok_or_else(|| refuse(at, why))?;
        if let Some((&first, rest)) = corners.split_first() {
            let fan = rest.windows(2).filter_map(|pair| <[u32; 2]>::try_from(pair).ok());
            mesh.triangles.extend(fan.map(|[a, b]| [first, a, b]));
        }
    }
    Ok(mesh)
}

/// Reads three numbers a line; more on a line, such as a color, are left out.
///
/// # Errors
/// [`Error::Format`] for a line of anything else, [`Error::Limit`] past `limits.file_bytes`.
pub fn xyz(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<[f32; 3]>> {
    limits::check(path, "file_bytes", bytes.len() as u64, limits.file_bytes)?;
    let mut points = Vec::new();
    let mut at = 0;
    for line in bytes.split(|&byte| byte == b'\n') {
        let text = std::str::from_utf8(line).ok().map(str::trim);
        if text != Some("") {
            let why = "three finite numbers a line are needed; fetch or save the file again";
            let refused = || Error::format(path, at, FormatFault::Header { why });
            points.push(text.and_then(position).ok_or_else(refused)?);
        }
        at += line.len() + 1;
    }
    Ok(points)
}

fn position(line: &str) -> Option<[f32; 3]> {
    numbers(line).filter(|position: &[f32; 3]| position.iter().all(|x| x.is_finite()))
}

/// The first numbers of a line.
fn numbers<T: std::str::FromStr, const N: usize>(line: &str) -> Option<[T; N]> {
    let words = line.split_ascii_whitespace().take(N).map(|word| word.parse().ok());
    words.collect::<Option<Vec<T>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Mesh> {
        off(text.as_bytes(), &Limits::default(), Path::new("x.off"))
    }

    #[test]
    fn both_headers_read_and_squares_become_triangles() {
        let body = "4 2 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0.5\n3 0 1 2\n4 0 1 2 3 255 0 0\n";
        let mesh = read(&format!("OFF\n# a comment\n{body}")).unwrap();
        assert_eq!(mesh.vertices[3], [0.0, 1.0, 0.5]);
        assert_eq!(mesh.triangles, [[0, 1, 2], [0, 1, 2], [0, 2, 3]]);
        assert_eq!(read(&format!("OFF{body}")).unwrap(), mesh);
    }

    #[test]
    fn damage_is_answered() {
        let whole = "OFF\n3 1 0\n0 0 0\n1 0 0\n1 1 0\n3 0 1 2\n";
        for n in 0..whole.len() - 1 {
            assert!(read(&whole[..n]).is_err(), "{n}");
        }
        for wrong in [
            "OFF\n18446744073709551615 1 0\n0 0 0\n",
            "OFF\n1 1 0\nnan 0 0\n3 0 0 0\n",
            "OFF\n1 1 0\n0 0 0\n3 0 0 1\n",
            "OFF\n1 1 0\n0 0 0\n4294967295 0\n",
            "OFF\n1 1 0\n0 0 0\nx 0 0 0\n",
            "OFF\n1 1 0\n0 0 0\n-3 0 0 0\n",
            "OFF\n1 1 0\n0 0 0\n3.0 0 0 0\n",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        // The line is named.
        let error = read("OFF\n2 0 0\n0 0 0\n# here\n1 x 0\n").unwrap_err().to_string();
        assert!(error.contains("a vertex") && error.contains("(at byte 23)"), "{error}");
        let error = read("OFF\n2 0 0\n0 0 0").unwrap_err().to_string();
        assert!(error.contains("a vertex") && error.contains("(at byte 15)"), "{error}");
    }

    #[test]
    fn clouds_read_line_by_line() {
        let cloud = |text: &str| xyz(text.as_bytes(), &Limits::default(), Path::new("x.xyz"));
        assert_eq!(
            cloud("1 2 3\r\n\n4.5 -5 6e1 9\n").unwrap(),
            [[1.0, 2.0, 3.0], [4.5, -5.0, 60.0]]
        );
        let error = cloud("1 2 3\n4 5\n").unwrap_err().to_string();
        assert!(error.contains("at byte 6"), "{error}");
        assert!(cloud("1 2 inf\n").is_err());
    }
}
