// SHA-256 of bytes that arrive in pieces.
//
//   Sha256 hash;
//   hash.add(first);
//   hash.add(second);
//   std::string digest = hash.hex();        // 64 lower-case hexadecimal digits; ends the hash
//
// sha256(bytes) and sha256_file(path) do it in one call. Computed by OpenSSL; InternalError where it refuses.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace uwaga {

class Sha256 {
 public:
  using Digest = std::array<std::byte, 32>;

  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }

  // The digest of all that was added. Nothing may be added after.
  Digest digest();
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256(std::span<const std::byte> bytes);
std::string sha256(std::string_view text);

// Reads the file in pieces. Throws SystemError.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace uwaga
