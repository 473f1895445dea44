#include <openssl/evp.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/sha256.h>

namespace uwaga {

struct Sha256::Context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(md); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  check_internal(context_->md && EVP_DigestInit_ex(context_->md, EVP_sha256(), nullptr) == 1, "cannot start a SHA-256");
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::add(std::span<const std::byte> bytes) {
  check_internal(EVP_DigestUpdate(context_->md, bytes.data(), bytes.size()) == 1, "cannot continue a SHA-256");
}

Sha256::Digest Sha256::digest() {
  Digest digest;
  check_internal(EVP_DigestFinal_ex(context_->md, reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1,
                 "cannot finish a SHA-256");
  return digest;
}

std::string Sha256::hex() {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::byte b : digest()) {
    text += kDigits[std::to_integer<int>(b >> 4)];
    text += kDigits[std::to_integer<int>(b & std::byte{15})];
  }
  return text;
}

std::string sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.hex();
}

std::string sha256(std::string_view text) { return sha256(std::as_bytes(std::span(text))); }

std::string sha256_file(const std::filesystem::path& path) {
  Sha256 hash;
  read_file_in_pieces(path, [&](std::span<const std::byte> piece) { hash.add(piece); });
  return hash.hex();
}

}  // namespace uwaga
