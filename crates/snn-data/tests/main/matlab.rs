//! Files of MATLAB 5, as far as the tests write them.

/// One element of a MATLAB 5 file.
pub(crate) fn element(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = [kind, body.len() as u32].iter().flat_map(|x| x.to_le_bytes()).collect();
    out.extend(body);
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

/// A variable of that class with `n` rows and one column.
pub(crate) fn array(class: u8, n: usize, name: &str, content: &[u8]) -> Vec<u8> {
    let sizes: Vec<u8> = [n as i32, 1].iter().flat_map(|size| size.to_le_bytes()).collect();
    let flags = element(6, &[class, 0, 0, 0, 0, 0, 0, 0]);
    let parts = [flags, element(5, &sizes), element(1, name.as_bytes()), content.to_vec()];
    element(14, &parts.concat())
}

/// A column of numbers.
pub(crate) fn numbers(name: &str, values: &[f64]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    array(6, values.len(), name, &element(9, &bytes))
}

/// A file of these variables.
pub(crate) fn mat(variables: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"MATLAB 5.0 MAT-file".to_vec();
    out.resize(124, b' ');
    out.extend([0, 1, b'I', b'M']);
    out.extend(variables.concat());
    out
}
