// The neuron on the sum of one or two currents, kernel.rs and reference.rs: one thread for each neuron, which
// runs through time. Norms are folded into each current's scale and shift (norm.cu).

// kernel.rs, Constants, and graded.rs, Ladder: levels is 0 for one bit, 1 for levels that are cut, 2 for rounded ones.
struct Neuron {
    float decay, gain, rest, threshold, v_reset, step, most, low, high;
    u32 strict, soft, detach, surrogate, levels;
};

// In the order of Surrogate::ALL.
enum Surrogate { BIREAL = 0, TRIANGLE = 1, RECTANGLE = 2, ATAN = 3, SIGMOID = 4 };

DEVICE float potential(const Neuron& k, float v, float z) { return k.decay * v + (k.gain * z + k.rest); }

DEVICE bool fires(const Neuron& k, float u) {
    return u > k.threshold || (!k.strict && u == k.threshold);
}

// The level that a potential sends.
DEVICE float level(const Neuron& k, float u) {
    if (!k.levels) return fires(k, u) ? 1.0f : 0.0f;
    float x = u / k.step;
    if (k.levels == 2) return rintf(fminf(fmaxf(x, 0.0f), k.most));
    return fminf(fmaxf(floorf(x), 0.0f), k.most);
}

DEVICE float after(const Neuron& k, float u, float sent) {
    if (k.levels) return u - sent * k.step;
    if (sent == 0.0f) return u;
    return k.soft ? u - k.threshold : k.v_reset;
}

DEVICE float ladder_slope(const Neuron& k, float u) {
    bool inside = u > k.low && u < k.high;
    bool ends = k.levels == 2 && (u == k.low || u == k.high);
    return inside || ends ? 1.0f / k.step : 0.0f;
}

DEVICE float slope(u32 surrogate, float x) {
    float size = fabsf(x);
    switch (surrogate) {
    case BIREAL: return fmaxf(2.0f - 4.0f * size, 0.0f);
    case TRIANGLE: return fmaxf(1.0f - size, 0.0f);
    case RECTANGLE: return size < 0.5f ? 1.0f : 0.0f;
    case ATAN: {
        float y = 3.14159274101257324f * x;
        return 1.0f / (1.0f + y * y);
    }
    default: {
        float s = 1.0f / (1.0f + expf(-4.0f * x));
        return 4.0f * s * (1.0f - s);
    }
    }
}

// A current of [x_steps, neurons]; scale and shift are null for a plain one.
struct Current {
    const void* x;
    u32 kind;
    const float *scale, *shift;
};

DEVICE float current(const Current& a, u64 at, u64 c) {
    float x = load(a.x, a.kind, at);
    return a.scale ? x * a.scale[c] + a.shift[c] : x;
}

DEVICE float summed(const Current& a, const Current& b, u64 at, u64 c) {
    float z = current(a, at, c);
    return b.x ? z + current(b, at, c) : z;
}

// b_x is null where there is one current; v0 where the neurons start from the reset potential (soft: zero).
KERNEL lif_forward(Neuron k, u64 t_steps, u64 x_steps, u64 neurons, u64 channels, const void* a_x, u32 a_kind,
                   const float* a_scale, const float* a_shift, const void* b_x, u32 b_kind,
                   const float* b_scale, const float* b_shift, const float* v0, u8* spikes, float* v_last) {
    u64 i = thread();
    if (i >= neurons) return;
    Current a = {a_x, a_kind, a_scale, a_shift}, b = {b_x, b_kind, b_scale, b_shift};
    float v = v0 ? v0[i] : k.soft ? 0.0f : k.v_reset;
    float z = 0;
    for (u64 t = 0; t < t_steps; t++) {
        if (t < x_steps) z = summed(a, b, t * neurons + i, i % channels);
        float u = potential(k, v, z);
        float sent = level(k, u);
        spikes[t * neurons + i] = (u8)sent;
        v = after(k, u, sent);
    }
    v_last[i] = v;
}

// dz[x_steps, neurons] becomes the gradient of the summed current; u[t_steps, neurons] is room for the potentials
// that are computed again.
KERNEL lif_backward(Neuron k, u64 t_steps, u64 x_steps, u64 neurons, u64 channels, const void* a_x, u32 a_kind,
                    const float* a_scale, const float* a_shift, const void* b_x, u32 b_kind,
                    const float* b_scale, const float* b_shift, const float* v0, const void* dy, u32 dy_kind,
                    float* u, void* dz, u32 dz_kind) {
    u64 i = thread();
    if (i >= neurons) return;
    Current a = {a_x, a_kind, a_scale, a_shift}, b = {b_x, b_kind, b_scale, b_shift};
    float v = v0 ? v0[i] : k.soft ? 0.0f : k.v_reset;
    float z = 0;
    for (u64 t = 0; t < t_steps; t++) {
        if (t < x_steps) z = summed(a, b, t * neurons + i, i % channels);
        float before = potential(k, v, z);
        u[t * neurons + i] = before;
        v = after(k, before, level(k, before));
    }
    float gv = 0, sum = 0;
    for (u64 t = t_steps; t-- > 0;) {
        float before = u[t * neurons + i];
        float dv_ds = k.levels ? -k.step : k.soft ? -k.threshold : k.v_reset - before;
        float through = k.detach ? 0.0f : gv * dv_ds;
        float kept = !k.soft && fires(k, before) ? 0.0f : gv;
        float gs = load(dy, dy_kind, t * neurons + i);
        float by = k.levels ? ladder_slope(k, before) : slope(k.surrogate, before - k.threshold);
        float gu = (gs + through) * by + kept;
        gv = k.decay * gu;
        if (x_steps == 1) {
            sum += k.gain * gu;
        } else {
            store(dz, dz_kind, t * neurons + i, k.gain * gu);
        }
    }
    if (x_steps == 1) store(dz, dz_kind, i, sum);
}
