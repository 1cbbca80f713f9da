// Pooling of channels-last images, average.rs and maximum.rs: one thread for each element that is written.
// Backward gathers, in the order in which the reference scatters.

struct Pool {
    u32 kernel[2], stride[2], padding[2], input[2], output[2], channels;
};

// The element `i` of images of rows x cols x channels.
struct Place {
    u64 image;
    u32 y, x, c;
};

DEVICE Place place(u64 i, u32 rows, u32 cols, u32 channels) {
    Place p;
    p.c = (u32)(i % channels);
    i /= channels;
    p.x = (u32)(i % cols);
    i /= cols;
    p.y = (u32)(i % rows);
    p.image = i / rows;
    return p;
}

// The pixels of window `at` that lie inside an axis of `extent`: [from, to), in input coordinates.
DEVICE void window(Pool p, int axis, u32 at, u32* from, u32* to) {
    u32 padding = p.padding[axis], start = at * p.stride[axis];
    u32 stop = start + p.kernel[axis], last = p.input[axis] + padding;
    *from = (start > padding ? start : padding) - padding;
    *to = (stop < last ? stop : last) - padding;
}

// The windows that read pixel `at` of an axis: [from, to).
DEVICE void readers(Pool p, int axis, u32 at, u32* from, u32* to) {
    u32 padded = at + p.padding[axis], stride = p.stride[axis], last = padded / stride + 1;
    *from = padded < p.kernel[axis] ? 0 : (padded - p.kernel[axis]) / stride + 1;
    *to = last < p.output[axis] ? last : p.output[axis];
}

DEVICE float share(Pool p) { return 1.0f / ((float)p.kernel[0] * (float)p.kernel[1]); }

KERNEL average_forward(const void* x, u32 kind, Pool p, u64 images, float* y) {
    u64 i = thread();
    if (i >= images * p.output[0] * p.output[1] * p.channels) return;
    Place at = place(i, p.output[0], p.output[1], p.channels);
    u32 top, bottom, left, right;
    window(p, 0, at.y, &top, &bottom);
    window(p, 1, at.x, &left, &right);
    float sum = 0;
    for (u32 row = top; row < bottom; row++) {
        for (u32 col = left; col < right; col++) {
            u64 pixel = (at.image * p.input[0] + row) * p.input[1] + col;
            sum += load(x, kind, pixel * p.channels + at.c);
        }
    }
    y[i] = sum * share(p);
}

KERNEL average_backward(const void* dy, u32 dy_kind, Pool p, u64 images, void* dx, u32 dx_kind) {
    u64 i = thread();
    if (i >= images * p.input[0] * p.input[1] * p.channels) return;
    Place at = place(i, p.input[0], p.input[1], p.channels);
    u32 top, bottom, left, right;
    readers(p, 0, at.y, &top, &bottom);
    readers(p, 1, at.x, &left, &right);
    float sum = 0;
    for (u32 row = top; row < bottom; row++) {
        for (u32 col = left; col < right; col++) {
            u64 pixel = (at.image * p.output[0] + row) * p.output[1] + col;
            sum += load(dy, dy_kind, pixel * p.channels + at.c) * share(p);
        }
    }
    store(dx, dx_kind, i, sum);
}

// y has the storage of x; winners the place inside the image that each maximum came from.
KERNEL max_forward(const void* x, u32 kind, Pool p, u64 images, void* y, u32* winners) {
    u64 i = thread();
    if (i >= images * p.output[0] * p.output[1] * p.channels) return;
    Place at = place(i, p.output[0], p.output[1], p.channels);
    u32 top, bottom, left, right;
    window(p, 0, at.y, &top, &bottom);
    window(p, 1, at.x, &left, &right);
    u64 image = at.image * p.input[0] * p.input[1] * p.channels;
    u32 winner = (top * p.input[1] + left) * p.channels + at.c;
    float most = load(x, kind, image + winner);
    for (u32 row = top; row < bottom; row++) {
        for (u32 col = left; col < right; col++) {
            u32 from = (row * p.input[1] + col) * p.channels + at.c;
            float value = load(x, kind, image + from);
            if (value > most) {
                most = value;
                winner = from;
            }
        }
    }
    winners[i] = winner;
    if (kind == U8) {
        ((u8*)y)[i] = (u8)most;
    } else {
        store(y, kind, i, most);
    }
}

KERNEL max_backward(const void* dy, u32 dy_kind, const u32* winners, Pool p, u64 images, void* dx, u32 dx_kind) {
    u64 i = thread();
    if (i >= images * p.input[0] * p.input[1] * p.channels) return;
    Place at = place(i, p.input[0], p.input[1], p.channels);
    u32 top, bottom, left, right;
    readers(p, 0, at.y, &top, &bottom);
    readers(p, 1, at.x, &left, &right);
    u32 mine = (at.y * p.input[1] + at.x) * p.channels + at.c;
    float sum = 0;
    for (u32 row = top; row < bottom; row++) {
        for (u32 col = left; col < right; col++) {
            u64 from = ((at.image * p.output[0] + row) * p.output[1] + col) * p.channels + at.c;
            if (winners[from] == mine) sum += load(dy, dy_kind, from);
        }
    }
    store(dx, dx_kind, i, sum);
}
