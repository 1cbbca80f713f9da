//! From the file of a mesh or a cloud to its points.

use std::path::Path;

use super::ranges::sides;
use crate::format::{Mesh, off, xyz};
use crate::random::{permutation, stream, unit};
use crate::{Error, FormatFault, Limits, Result};

/// What is done with a point cloud: so many points are drawn, centered, and scaled until the farthest has distance 1, or by
/// one scale for all clouds.
///
/// Of an `.off` mesh they are drawn evenly over its surface; one without faces is a cloud, and any other file is a text of one point a line, of which each
/// comes once before any comes twice. Every file gets the draws of one fixed seed: a sample is a function of its file.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Clouds {
    /// Points of a sample, P.
    pub points: usize,
    /// The distance from the center that becomes 1, in the file's unit; that of the farthest point when absent.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub radius: Option<f32>,
}

impl Clouds {
    pub(super) fn check(&self) -> Result<()> {
        sides(&[("points", self.points)])?;
        if self.radius.is_some_and(|radius| !(radius > 0.0 && radius.is_finite())) {
            return Err(Error::config("radius", "is not a number above 0; leave it out"));
        }
        Ok(())
    }

    /// The points of a file: all x, then all y, then all z.
    pub(crate) fn read(&self, bytes: &[u8], limits: &Limits, path: &Path) -> Result<Vec<f32>> {
        let is_mesh = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("off"));
        let mut points = if is_mesh {
            let mesh = off(bytes, limits, path)?;
            // Vertices without a face are a cloud; a mesh whose faces have no area is damaged.
            match mesh.triangles.is_empty() {
                true => of_cloud(&mesh.vertices, self.points),
                false => of_mesh(&mesh, self.points),
            }
        } else {
            of_cloud(&xyz(bytes, limits, path)?, self.points)
        };
        if points.is_empty() {
            return Err(Error::format(path, 0, FormatFault::NoPoints));
        }
        let count = points.len() as f64;
        let center: [f64; 3] = std::array::from_fn(|k| {
            points.iter().filter_map(|p| p.get(k)).map(|&x| f64::from(x)).sum::<f64>() / count
        });
        let mut radius = 0f64;
        for point in &mut points {
            for (x, center) in point.iter_mut().zip(center) {
                *x = (f64::from(*x) - center) as f32;
            }
            radius = radius.max(point.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt());
        }
        let radius = self.radius.map_or(radius, f64::from);
        let scale = if radius > 0.0 { (1.0 / radius) as f32 } else { 1.0 };
        let axis =
            |k: usize| points.iter().filter_map(move |point| point.get(k)).map(|x| x * scale);
        Ok((0..3).flat_map(axis).collect())
    }
}

/// `n` points drawn evenly over the surface; none of a mesh without one.
fn of_mesh(mesh: &Mesh, n: usize) -> Vec<[f32; 3]> {
    let corner = |at: u32| mesh.vertices.get(at as usize).map(|p| p.map(f64::from));
    let corners = |&[a, b, c]: &[u32; 3]| Some([corner(a)?, corner(b)?, corner(c)?]);
    let triangles: Vec<[[f64; 3]; 3]> = mesh.triangles.iter().filter_map(corners).collect();
    let mut total = 0.0;
    let until: Vec<f64> = triangles
        .iter()
        .map(|triangle| {
            total += area(triangle);
            total
        })
        .collect();
    if !(total > 0.0 && total.is_finite()) {
        return Vec::new();
    }
    let mut rng = stream(0, "points", 0, 0);
    let mut point = || {
        let at = f64::from(unit(&mut rng)) * total;
        let [a, b, c] = triangles.get(until.partition_point(|&end| end <= at))?;
        let (u, v) = (f64::from(unit(&mut rng)).sqrt(), f64::from(unit(&mut rng)));
        let mix = |((a, b), c): ((&f64, &f64), &f64)| (1.0 - u) * a + u * ((1.0 - v) * b + v * c);
        let mut mixed = a.iter().zip(b).zip(c).map(mix);
        Some([mixed.next()? as f32, mixed.next()? as f32, mixed.next()? as f32])
    };
    (0..n).filter_map(|_| point()).collect()
}

fn area(&[[ax, ay, az], [bx, by, bz], [cx, cy, cz]]: &[[f64; 3]; 3]) -> f64 {
    let (ux, uy, uz) = (bx - ax, by - ay, bz - az);
    let (vx, vy, vz) = (cx - ax, cy - ay, cz - az);
    let normal = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    normal.iter().map(|x| x * x).sum::<f64>().sqrt() / 2.0
}

/// `n` of the points, each once before any comes twice; none of an empty cloud.
fn of_cloud(points: &[[f32; 3]], n: usize) -> Vec<[f32; 3]> {
    let order = permutation(&mut stream(0, "points", 0, 0), points.len());
    order.iter().cycle().filter_map(|&at| points.get(at)).take(n).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_on_the_surface_by_area() {
        // A square of side 3 in the plane z = 1, and a sliver of a hundredth of its area.
        let vertices = vec![[0., 0., 1.], [3., 0., 1.], [3., 3., 1.], [0., 3., 1.], [0., 0.06, 9.]];
        let mesh = Mesh { vertices, triangles: vec![[0, 1, 2], [0, 2, 3], [0, 0, 4], [0, 1, 1]] };
        let points = of_mesh(&mesh, 2000);
        assert_eq!(points.len(), 2000);
        assert!(points.iter().all(|&[x, y, z]| z == 1.0 && (0.0..=3.0).contains(&x) && y <= 3.0));
        let lower = points.iter().filter(|&&[x, y, _]| y < x).count();
        assert!((900..1100).contains(&lower), "{lower}");
        assert!(of_mesh(&Mesh { triangles: vec![[0, 0, 0]], ..mesh }, 9).is_empty());
    }

    #[test]
    fn cloud_is_centered_and_scaled() {
        let path = Path::new("x.xyz");
        let read = |text: &[u8], points| {
            Clouds { points, radius: None }.read(text, &Limits::default(), path)
        };
        let x = read(b"1 2 3\n3 2 3\n", 2).unwrap();
        let mut ends = [x[0], x[1]];
        ends.sort_by(f32::total_cmp);
        assert_eq!((ends, &x[2..]), ([-1.0, 1.0], &[0.0; 4][..]));
        let metric = Clouds { points: 2, radius: Some(4.0) };
        let x = metric.read(b"1 2 3\n3 2 3\n", &Limits::default(), path).unwrap();
        assert_eq!(x[0].abs(), 0.25);
        assert_eq!(read(b"5 6 7\n", 3).unwrap(), [0.0; 9]);
        assert!(read(b"\n", 3).is_err());
    }

    #[test]
    fn every_point_comes_before_any_comes_twice() {
        let points: Vec<[f32; 3]> = (0..5u8).map(|i| [i.into(), 0.0, 0.0]).collect();
        let mut drawn: Vec<f32> = of_cloud(&points, 7).iter().map(|p| p[0]).collect();
        drawn.truncate(5);
        drawn.sort_by(f32::total_cmp);
        assert_eq!(drawn, [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(of_cloud(&points, 7).len(), 7);
    }
}
