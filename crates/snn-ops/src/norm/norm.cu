// Batch norm over rows of channels: moments.rs and gradient.rs, one thread for each sum.
//
// A channel's rows are cut into pieces; the first launch leaves one partial sum for each (piece, channel), the
// second adds a channel's pieces in order.

#define BLOCK_ROWS 256
#define EPS 1e-5

// sums[piece][2][channels]: of x - k and of its square, k the first row.
KERNEL moments_partial(const void* x, u32 kind, u64 rows, u64 channels, u64 pieces, double* sums) {
    u64 i = thread();
    if (i >= pieces * channels) return;
    u64 piece = i / channels, c = i % channels;
    float first = load(x, kind, c);
    double sum = 0, square = 0;
    u64 end = (piece + 1) * rows / pieces;
    for (u64 start = piece * rows / pieces; start < end; start += BLOCK_ROWS) {
        u64 stop = start + BLOCK_ROWS < end ? start + BLOCK_ROWS : end;
        float s = 0, q = 0;
        for (u64 row = start; row < stop; row++) {
            float d = load(x, kind, row * channels + c) - first;
            s += d;
            q += d * d;
        }
        sum += s;
        square += q;
    }
    sums[2 * piece * channels + c] = sum;
    sums[(2 * piece + 1) * channels + c] = square;
}

KERNEL moments_finish(const void* x, u32 kind, const double* sums, u64 rows, u64 channels, u64 pieces,
                      double* mean, double* var) {
    u64 c = thread();
    if (c >= channels) return;
    double sum = 0, square = 0;
    for (u64 piece = 0; piece < pieces; piece++) {
        sum += sums[2 * piece * channels + c];
        square += sums[(2 * piece + 1) * channels + c];
    }
    double n = (double)rows, centre = sum / n;
    double v = square / n - centre * centre;
    mean[c] = (double)load(x, kind, c) + centre;
    var[c] = v > 0 ? v : 0;
}

// scale and shift of y = x * scale + shift.
KERNEL norm_affine(const double* mean, const double* var, const float* weight, const float* bias, u64 channels,
                   float* scale, float* shift) {
    u64 c = thread();
    if (c >= channels) return;
    double s = (double)weight[c] * (1.0 / sqrt(var[c] + EPS));
    scale[c] = (float)s;
    shift[c] = (float)((double)bias[c] - mean[c] * s);
}

// sums[piece][2][channels]: of dy and of dy * (x - mean).
KERNEL gradient_partial(const void* x, u32 x_kind, const void* dy, u32 dy_kind, const double* mean, u64 rows,
                        u64 channels, u64 pieces, double* sums) {
    u64 i = thread();
    if (i >= pieces * channels) return;
    u64 piece = i / channels, c = i % channels;
    float m = (float)mean[c];
    double sum = 0, product = 0;
    u64 end = (piece + 1) * rows / pieces;
    for (u64 start = piece * rows / pieces; start < end; start += BLOCK_ROWS) {
        u64 stop = start + BLOCK_ROWS < end ? start + BLOCK_ROWS : end;
        float s = 0, p = 0;
        for (u64 row = start; row < stop; row++) {
            float g = load(dy, dy_kind, row * channels + c);
            s += g;
            p += g * (load(x, x_kind, row * channels + c) - m);
        }
        sum += s;
        product += p;
    }
    sums[2 * piece * channels + c] = sum;
    sums[(2 * piece + 1) * channels + c] = product;
}

// The gradients of weight and bias, and coefficients[3][channels] of dx = a dy - b x + c. `count` is the number
// of rows, infinite where the statistics were running ones.
KERNEL gradient_finish(const double* sums, const double* mean, const double* var, const float* weight,
                       double count, u64 channels, u64 pieces, float* dweight, float* dbias,
                       float* coefficients) {
    u64 c = thread();
    if (c >= channels) return;
    double sum = 0, product = 0;
    for (u64 piece = 0; piece < pieces; piece++) {
        sum += sums[2 * piece * channels + c];
        product += sums[(2 * piece + 1) * channels + c];
    }
    double inv_std = (double)(float)(1.0 / sqrt(var[c] + EPS));
    product *= inv_std;
    dweight[c] = (float)product;
    dbias[c] = (float)sum;
    double a = (double)weight[c] * inv_std;
    double slope = a * inv_std * product / count;
    coefficients[c] = (float)a;
    coefficients[channels + c] = (float)slope;
    coefficients[2 * channels + c] = (float)(slope * (double)(float)mean[c] - a * sum / count);
}

KERNEL input_gradient(const float* coefficients, const void* x, u32 x_kind, const void* dy, u32 dy_kind, u64 n,
                      u64 channels, void* dx, u32 dx_kind) {
    u64 i = thread();
    if (i >= n) return;
    u64 c = i % channels;
    float a = coefficients[c], b = coefficients[channels + c], k = coefficients[2 * channels + c];
    store(dx, dx_kind, i, a * load(dy, dy_kind, i) - b * load(x, x_kind, i) + k);
}
