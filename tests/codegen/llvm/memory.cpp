// Loads and stores of compiled kernels: tails, masks, strides, index vectors, broadcasts, in every dtype.
#include <sys/mman.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/codegen/llvm/run.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

// Memory that ends where an unreadable page begins: whoever touches one byte too many dies.
template <typename T>
class Fenced {
 public:
  explicit Fenced(std::size_t n) : n_(n), page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    size_ = (n * sizeof(T) + page_ - 1) / page_ * page_ + page_;
    base_ =
        static_cast<std::uint8_t*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base_ + size_ - page_, page_, PROT_NONE);
  }
  ~Fenced() { munmap(base_, size_); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;
  T* data() { return reinterpret_cast<T*>(base_ + size_ - page_ - n_ * sizeof(T)); }
  T& operator[](std::size_t i) { return data()[i]; }

 private:
  std::size_t n_, page_, size_ = 0;
  std::uint8_t* base_ = nullptr;
};

// Copies n elements, the tail under a mask.
Kernel copy(DType dtype, int lanes) {
  KernelBuilder b("loop");
  const BufferId x = b.input(dtype), y = b.output(dtype);
  const Ex n = b.argument(DType::i64);
  const Ex i = b.ramp(b.grid((n + (lanes - 1)) / lanes) * lanes, lanes);
  const Ex mask = i < b.splat(n, lanes);
  b.store(y, i, b.load(x, i, mask), mask);
  return b.finish();
}

template <typename T>
void check_tails() {
  const std::vector<T> values = corners<T>();
  for (const Level& level : levels())
    for (int lanes : {4, 8, 16}) {
      const Kernel k = copy(dtype_of<T>(), lanes);
      const HostCode code = compiled(k, level.target);
      for (std::size_t n : {1u, 2u, 3u, 5u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 33u}) {
        Fenced<T> from(n), to(n);
        for (std::size_t i = 0; i < n; ++i) from[i] = values[i % values.size()];
        Launch launch{{from.data(), to.data()}, {n}};
        launch.run(k, code);
        INFO(name(dtype_of<T>()) << " on " << level.name << ", " << lanes << " lanes, " << n << " elements");
        CHECK(std::memcmp(from.data(), to.data(), n * sizeof(T)) == 0);
      }
    }
}

}  // namespace

TEST_CASE("a masked tail touches nothing outside its buffers, in every dtype") {
  check_tails<double>();
  check_tails<float>();
  check_tails<Brain>();
  check_tails<Half>();
  check_tails<std::int64_t>();
  check_tails<std::int32_t>();
  check_tails<std::int8_t>();
  check_tails<std::uint8_t>();
  check_tails<Truth>();
}

TEST_CASE("masked lanes load 0 and store nothing, wherever their indices point") {
  for (const Level& level : levels()) {
    INFO(level.name);
    for (const bool gather : {false, true}) {
      KernelBuilder b("loop");
      const BufferId x = b.input(DType::f32), index = b.input(DType::i64), on = b.input(DType::boolean),
                     y = b.output(DType::f32), z = b.output(DType::f32);
      const Ex lane = b.ramp(b.grid(b.integer(2)) * 8, 8);
      const Ex mask = b.load(on, lane);
      const Ex at = gather ? b.load(index, lane) : lane;
      b.store(y, lane, b.load(x, at, mask));
      b.store(z, at, b.load(x, at, mask) + b.real(1), mask);
      const Kernel k = b.finish();
      std::vector<float> from(16), loaded(16, -1), stored(16, -1);
      std::vector<std::int64_t> where(16);
      std::vector<std::uint8_t> bits(16);
      for (std::size_t i = 0; i < 16; ++i) {
        from[i] = 100 + static_cast<float>(i);
        bits[i] = i % 3 != 1;
        where[i] = !gather   ? static_cast<std::int64_t>(i)
                   : bits[i] ? static_cast<std::int64_t>((i * 5) % 16)
                             : std::int64_t{1} << 60;
      }
      Launch launch{{from.data(), where.data(), bits.data(), loaded.data(), stored.data()}, {}};
      launch.run(k, compiled(k, level.target));
      std::vector<float> expected(16, -1);
      for (std::size_t i = 0; i < 16; ++i) {
        const float value = bits[i] ? from[static_cast<std::size_t>(where[i])] : 0;
        CHECK(loaded[i] == value);
        if (bits[i]) expected[static_cast<std::size_t>(where[i])] = value + 1;
      }
      CHECK(stored == expected);
    }
  }
}

TEST_CASE("a masked tail of a line that is read or written from its end touches nothing outside it either") {
  constexpr int lanes = 8;
  for (const Level& level : levels())
    for (const bool reads : {true, false}) {
      KernelBuilder b("loop");
      const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
      const Ex n = b.argument(DType::i64), first = b.let(b.grid((n + (lanes - 1)) / lanes) * lanes);
      const Ex forwards = b.ramp(first, lanes), backwards = b.ramp(n - 1 - first, lanes, b.integer(-1)), mask = forwards < b.splat(n, lanes);
      b.store(y, reads ? forwards : backwards, b.load(x, reads ? backwards : forwards, mask), mask);
      const Kernel k = b.finish();
      const HostCode code = compiled(k, level.target);
      for (std::size_t n : {1u, 7u, 8u, 9u, 16u, 21u}) {
        Fenced<float> from(n), to(n + lanes);
        for (std::size_t i = 0; i < n; ++i) from[i] = static_cast<float>(i) + 1;
        for (std::size_t i = 0; i < n + lanes; ++i) to[i] = -1;
        Launch launch{{from.data(), to.data() + lanes}, {n}};
        launch.run(k, code);
        INFO(level.name << (reads ? ", read, " : ", written, ") << n << " elements");
        for (std::size_t i = 0; i < n; ++i) CHECK(to[lanes + i] == from[n - 1 - i]);
        for (std::size_t i = 0; i < lanes; ++i) CHECK(to[i] == -1);
      }
    }
}

TEST_CASE("strided, shifted, reversed and splat indices read the elements they name") {
  for (const Level& level : levels()) {
    INFO(level.name);
    KernelBuilder b("loop");
    const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
    const Ex stride = b.argument(DType::i64), offset = b.argument(DType::i64);
    const Ex g = b.grid(b.integer(3));
    const Ex out = b.ramp(b.integer(0), 8);
    int row = 0;
    const auto put = [&](Ex value) { b.store(y, out + g * 48 + 8 * row++, value); };
    put(b.load(x, b.ramp(g, 8, b.integer(3))));
    put(b.load(x, b.ramp(g + 7, 8, b.integer(-1))));
    put(b.load(x, b.ramp(g, 8, stride)));
    put(b.load(x, b.ramp(g, 8) + b.splat(offset, 8) + 2));
    put(b.load(x, b.splat(g + offset, 8)));
    put(b.splat(b.load(x, g + 1), 8));
    const Kernel k = b.finish();
    std::vector<float> from(64), to(3 * 48);
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i);
    Launch launch{{from.data(), to.data()}, {5, 11}};
    launch.run(k, compiled(k, level.target));
    for (std::size_t t = 0; t < 3; ++t)
      for (std::size_t i = 0; i < 8; ++i) {
        CHECK(to[t * 48 + i] == from[t + 3 * i]);
        CHECK(to[t * 48 + 8 + i] == from[t + 7 - i]);
        CHECK(to[t * 48 + 16 + i] == from[t + 5 * i]);
        CHECK(to[t * 48 + 24 + i] == from[t + i + 13]);
        CHECK(to[t * 48 + 32 + i] == from[t + 11]);
        CHECK(to[t * 48 + 40 + i] == from[t + 1]);
      }
  }
}

TEST_CASE("lanes, concat, splat and any take vectors apart and put them together") {
  for (const Level& level : levels()) {
    INFO(level.name);
    KernelBuilder b("loop");
    const BufferId x = b.input(DType::f32), y = b.output(DType::f32), z = b.output(DType::boolean);
    b.grid(b.integer(1));
    const Ex v = b.load(x, b.ramp(b.integer(0), 8));
    const Ex swapped = b.concat(b.lanes(v, 4, 4), b.lanes(v, 0, 4));
    b.store(y, b.ramp(b.integer(0), 8), swapped);
    b.store(y, b.integer(8), b.lanes(v, 5, 1));
    b.store(y, b.ramp(b.integer(9), 2), b.concat(b.lanes(v, 7, 1), b.lanes(v, 0, 1)));
    b.store(z, b.integer(0), b.any(v < b.splat(b.real(1), 8)));
    b.store(z, b.integer(1), b.any(v < b.splat(b.real(0), 8)));
    const Kernel k = b.finish();
    std::vector<float> from = {0, 1, 2, 3, 4, 5, 6, 7}, to(11);
    std::vector<std::uint8_t> some(2, 9);
    Launch launch{{from.data(), to.data(), some.data()}, {}};
    launch.run(k, compiled(k, level.target));
    CHECK(to == std::vector<float>{4, 5, 6, 7, 0, 1, 2, 3, 5, 7, 0});
    CHECK(some == std::vector<std::uint8_t>{1, 0});
  }
}

TEST_CASE("interleaved halves of halves turn a square over") {
  for (const Level& level : levels()) {
    INFO(level.name);
    for (DType d : {DType::f32, DType::f64, DType::i8})
      for (int n : {2, 4, 8, 16}) {
        INFO(name(d) << " " << n);
        KernelBuilder b("loop");
        const BufferId x = b.input(d), y = b.output(d);
        b.grid(b.integer(1));
        std::vector<Ex> rows;
        for (int i = 0; i < n; ++i) rows.push_back(b.load(x, b.ramp(b.integer(i * n), n)));
        for (int half = n / 2; half > 0; half /= 2)
          for (int i = 0; i < n; ++i) {
            if (i & half) continue;
            const Ex low = rows[static_cast<std::size_t>(i)], high = rows[static_cast<std::size_t>(i + half)];
            rows[static_cast<std::size_t>(i)] = b.interleave(low, high, half, false);
            rows[static_cast<std::size_t>(i + half)] = b.interleave(low, high, half, true);
          }
        for (int i = 0; i < n; ++i) b.store(y, b.ramp(b.integer(i * n), n), rows[static_cast<std::size_t>(i)]);
        const Kernel k = b.finish();
        const auto bytes = static_cast<std::size_t>(n * n) * size_of(d);
        std::vector<std::uint8_t> from(bytes), to(bytes);
        for (std::size_t i = 0; i < bytes; ++i) from[i] = static_cast<std::uint8_t>(i * 37 % 119);  // small numbers, no NaN
        Launch launch{{from.data(), to.data()}, {}};
        launch.run(k, compiled(k, level.target));
        const std::size_t size = size_of(d), side = static_cast<std::size_t>(n);
        for (std::size_t i = 0; i < side * side; ++i)
          REQUIRE(std::equal(to.begin() + static_cast<std::ptrdiff_t>(i * size), to.begin() + static_cast<std::ptrdiff_t>((i + 1) * size),
                             from.begin() + static_cast<std::ptrdiff_t>((i % side * side + i / side) * size)));
      }
  }
}

TEST_CASE("arguments of every dtype arrive") {
  for (const Level& level : levels()) {
    KernelBuilder b("loop");
    const BufferId y = b.output(DType::f64);
    std::vector<Ex> all;
    for (DType d : {DType::f64, DType::f32, DType::bf16, DType::f16, DType::i64, DType::i32, DType::i8, DType::u8,
                    DType::boolean})
      all.push_back(b.argument(d));
    const Ex g = b.grid(b.integer(1));
    for (std::size_t i = 0; i < all.size(); ++i)
      b.store(y, g + static_cast<std::int64_t>(i), b.cast(all[i], DType::f64));
    const Kernel k = b.finish();
    std::vector<double> to(9);
    Launch launch{{to.data()},
                  {std::bit_cast<std::uint64_t>(1.25), std::bit_cast<std::uint32_t>(-2.5f), bf16_bits(3.5f),
                   f16_bits(-0.125f), static_cast<std::uint64_t>(-7), 0xfffffffeu, 0x80, 200, 1}};
    launch.run(k, compiled(k, level.target));
    INFO(level.name);
    CHECK(to == std::vector<double>{1.25, -2.5, 3.5, -0.125, -7, -2, -128, 200, 1});
  }
}

TEST_CASE("what streams goes past the caches and is there when the kernel returns") {
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const Level& level : levels()) {
      INFO(name(dtype) << " on " << level.name);
      KernelBuilder b("loop");
      const BufferId x = b.input(dtype), y = b.output(dtype);
      const Ex i = b.ramp(b.grid(b.integer(4)) * 8, 8);
      b.stream(y, i, b.load(x, i));
      const Kernel k = b.finish();
      alignas(64) std::array<std::uint8_t, 128> from{}, to{};
      for (std::size_t n = 0; n < from.size(); ++n) from[n] = static_cast<std::uint8_t>(n % 60);
      Launch launch{{from.data(), to.data()}, {}};
      launch.run(k, compiled(k, level.target));
      const std::size_t bytes = 32 * size_of(dtype);
      CHECK(std::equal(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(bytes), to.begin()));
#if defined(__x86_64__)
      std::string code;
      for (const ListingLine& line : HostCompiler(level.target).assembly_listing(k)) code += line.text + "\n";
      CHECK(code.find("movnt") != code.npos);
      CHECK(code.find("sfence") != code.npos);
#endif
    }
}
