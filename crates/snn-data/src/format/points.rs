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
/// follows a vertex or a face on its line, such as a color, is left out; so are what `COFF`, `NOFF` and `STOFF` announce.
///
/// Several vertices or faces may stand on a line, where nothing follows them. Vertices without faces are a mesh without
/// triangles.
///
/// # Errors
/// [`Error::Format`] when the text differs from that, [`Error::Limit`] past `limits.file_bytes`.
pub fn off(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Mesh> {
    limits::check(path, "file_bytes", bytes.len() as u64, limits.file_bytes)?;
    let magic = || Error::format(path, 0, FormatFault::Magic { expected: "an OFF mesh" });
    let text = std::str::from_utf8(bytes).map_err(|_| magic())?;
    let head = text.trim_start();
    let rest = ["OFF", "COFF", "NOFF", "CNOFF", "STOFF", "STCOFF", "STNOFF", "STCNOFF"]
        .iter()
        .find_map(|word| head.strip_prefix(word));
    let rest = rest.ok_or_else(magic)?;
    by_line(rest, bytes.len(), path).or_else(|error| by_word(rest).ok_or(error))
}

/// A mesh with a vertex or a face a line; `end` is the length of the file.
fn by_line(text: &str, end: usize, path: &Path) -> Result<Mesh> {
    let mut at = end - text.len();
    let mut lines = text.split('\n').filter_map(|line| {
        let start = at;
        at += line.len() + 1;
        let line = line.split('#').next().unwrap_or("").trim();
        (!line.is_empty()).then_some((start, line))
    });
    let mut line = || lines.next().unwrap_or((end, ""));
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
        let why = "a face names a vertex that is not there; fetch or save the file again";
        let corners = corners.filter(|corners| corners.len() == n);
        mesh.add(corners).ok_or_else(|| refuse(at, why))?;
    }
    Ok(mesh)
}

/// A mesh of vertices and faces one after another, wherever the lines end; nothing where anything else is among them.
fn by_word(text: &str) -> Option<Mesh> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or(""));
    let mut words = lines.flat_map(str::split_ascii_whitespace);
    let mut count = || words.next()?.parse::<usize>().ok();
    let (n_vertices, n_faces, _) = (count()?, count()?, count()?);
    let mut mesh = Mesh { vertices: Vec::new(), triangles: Vec::new() };
    for _ in 0..n_vertices {
        let mut number = || words.next()?.parse::<f32>().ok().filter(|x| x.is_finite());
        mesh.vertices.push([number()?, number()?, number()?]);
    }
    for _ in 0..n_faces {
        let n = words.next()?.parse::<usize>().ok()?;
        // No more are taken than there are words.
        let corners: Option<Vec<u32>> =
            words.by_ref().take(n).map(|word| word.parse().ok()).collect();
        mesh.add(corners.filter(|corners| corners.len() == n))?;
    }
    words.next().is_none().then_some(mesh)
}

impl Mesh {
    /// Adds a face as a fan of triangles; nothing where it names a vertex that is not there.
    fn add(&mut self, corners: Option<Vec<u32>>) -> Option<()> {
        let known = |corner: &u32| (*corner as usize) < self.vertices.len();
        let corners = corners.filter(|corners| corners.iter().all(known))?;
        if let Some((&first, rest)) = corners.split_first() {
            let fan = rest.windows(2).filter_map(|pair| <[u32; 2]>::try_from(pair).ok());
            self.triangles.extend(fan.map(|[a, b]| [first, a, b]));
        }
        Some(())
    }
}

/// Reads three numbers a line, with spaces, commas or semicolons between them; more on a line, such as a color, are left
/// out.
///
/// # Errors
/// [`Error::Format`] for a line of anything else, and of numbers with decimal commas; [`Error::Limit`] past
/// `limits.file_bytes`.
pub fn xyz(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<[f32; 3]>> {
    limits::check(path, "file_bytes", bytes.len() as u64, limits.file_bytes)?;
    let mut points = Vec::new();
    let mut at = 0;
    for line in bytes.split(|&byte| byte == b'\n') {
        let text = std::str::from_utf8(line).ok().map(str::trim);
        if text != Some("") {
            let refuse = |why| Error::format(path, at, FormatFault::Header { why });
            if text.is_some_and(has_decimal_commas) {
                return Err(refuse(
                    "numbers with decimal commas are not read; write decimal points",
                ));
            }
            let point = text.and_then(|text| position(&text.replace([',', ';'], " ")));
            let why = "three finite numbers a line are needed; fetch or save the file again";
            points.push(point.ok_or_else(|| refuse(why))?);
        }
        at += line.len() + 1;
    }
    Ok(points)
}

/// Whether commas stand in words between spaces: a comma that separates stands at a word's end.
fn has_decimal_commas(line: &str) -> bool {
    let inside = |word: &str| word.trim_matches(',').contains(',');
    line.split_ascii_whitespace().nth(1).is_some() && line.split_ascii_whitespace().any(inside)
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
    fn meshes_read_as_their_writers_write_them() {
        let corners = "0 0 0\n1 0 0\n1 1 0\n0 1 0.5\n";
        let plain = read(&format!("OFF\n4 2 0\n{corners}3 0 1 2\n3 0 2 3\n")).unwrap();
        assert_eq!(plain.triangles, [[0, 1, 2], [0, 2, 3]]);
        let colored = corners.replace('\n', " 255 0 0 255\n");
        for head in ["COFF", "OFF"] {
            assert_eq!(
                read(&format!("{head}\n4 2 0\n{colored}3 0 1 2\n3 0 2 3\n")).unwrap(),
                plain
            );
        }
        let wrapped = corners.replace('\n', " ");
        assert_eq!(read(&format!("OFF\n4 2 0\n{wrapped}\n3 0 1 2 3 0 2 3\n")).unwrap(), plain);
        let spread = corners.replace(' ', "\n");
        assert_eq!(read(&format!("OFF\n4 2 0 # so\n{spread}3 0 1\n2 3\n0 2 3")).unwrap(), plain);
        let cloud = read(&format!("OFF\n4 0 0\n{corners}")).unwrap();
        assert_eq!((cloud.vertices, cloud.triangles.len()), (plain.vertices, 0));
        // More or less than was announced is no other way to write it.
        for wrong in ["3 0 1 2 3 0 2", "3 0 1 2 3 0 2 3 7", "3 0 1 2 3 0 2 4"] {
            assert!(read(&format!("OFF\n4 2 0\n{wrapped}\n{wrong}\n")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn clouds_read_with_any_separator_and_no_decimal_comma() {
        let cloud = |text: &str| xyz(text.as_bytes(), &Limits::default(), Path::new("x.xyz"));
        for text in ["1,2,3.5\n", "1, 2, 3.5\n", "1;2;3.5\n", "1\t2\t3.5\t9\n", "1 ,2 ,3.5\n"] {
            assert_eq!(cloud(text).unwrap(), [[1.0, 2.0, 3.5]], "{text}");
        }
        for text in ["0,5 0,7 1,0\n", "1,2 3,4\n", "x,y,z\n1,2,3\n"] {
            assert!(cloud(text).is_err(), "{text}");
        }
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
