// Runs one kernel on the host, thread by thread: `host KERNEL BLOCKS THREADS`.
//
// Standard input holds the kernel's arguments in order: values as their bytes; buffers as a u64 length and
// their bytes, a null pointer as the length 2^64 - 1. Standard output gets the buffers that the kernel may write,
// in order and in the same form. Writing past the end of a buffer ends the program with 3.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <vector>

static const size_t GUARD = 256;
static const unsigned char MARK = 0xa5;

static void take(void* to, size_t n) {
    if (n && fread(to, 1, n, stdin) != n) exit(4);
}

template <class T> struct Arg {
    T value;
    Arg() { take(&value, sizeof value); }
    T get() { return value; }
    void give() {}
};

template <class T> struct Arg<T*> {
    u64 length;
    std::vector<unsigned char> bytes;
    Arg() {
        take(&length, sizeof length);
        if (length == ~0ull) return;
        bytes.assign(length + GUARD, MARK);
        take(bytes.data(), length);
    }
    T* get() { return length == ~0ull ? nullptr : (T*)bytes.data(); }
    void give() {
        if (length == ~0ull) return;
        for (size_t i = length; i < bytes.size(); i++) {
            if (bytes[i] != MARK) exit(3);
        }
        if (std::is_const<T>::value) return;
        fwrite(&length, sizeof length, 1, stdout);
        fwrite(bytes.data(), 1, length, stdout);
    }
};

template <class... A> static int run(void (*kernel)(A...), u64 threads) {
    // Braces: the arguments are read from left to right.
    std::tuple<Arg<A>...> args{Arg<A>()...};
    std::apply(
        [&](auto&... arg) {
            for (current_thread = 0; current_thread < threads; current_thread++) kernel(arg.get()...);
            (arg.give(), ...);
        },
        args);
    return 0;
}
