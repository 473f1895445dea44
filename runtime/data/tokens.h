// Long sequences of token ids, and the batches that training and evaluation read from them.
//
//   TokenFile train("train.bin");                                      // uint16 ids, mapped
//   for (Batch b : train.batches({.batch = 8, .time = 1024}))          // for ever, at random places
//     step.run({{"tokens", b.inputs}, {"targets", b.targets}});
//
//   auto [train, validation] = tokenize(text, tokenizer).split(0.1);
//   for (Batch b : validation.windows({.batch = 8, .time = 1024}))     // every window once, in order
//
// `inputs` and `targets` are int32 [batch, time], row-major, and targets[b, t] is the token after inputs[b, t]. Where
// row b of step s begins follows from (seed, s, b) alone, by the counters of ir/random.h: a run that resumes at step s
// reads what it would have read, and bigger batches begin with the rows of smaller ones.
//
// Tokens are cheap to copy: copies share the storage, and everything made from them keeps it alive.
#pragma once

#include <uwaga/runtime/io/file_system.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace uwaga {

class Tokenizer;
class Batches;
class Windows;

// How an id is stored in a file, little-endian.
enum class TokenWidth { u16, i32 };

struct BatchOptions {
  std::int64_t batch = 1;  // Rows.
  std::int64_t time = 1;   // Tokens a row.
  std::int64_t seed = 0;
  std::int64_t first_step = 0;
  std::optional<std::int64_t> steps = {};  // How many batches; for ever where absent.
};

struct WindowOptions {
  std::int64_t batch = 1;
  std::int64_t time = 1;
};

struct Batch {
  std::int64_t batch = 0, time = 0;
  std::vector<std::int32_t> inputs, targets;  // [batch, time]
};

class Tokens {
 public:
  Tokens() = default;
  explicit Tokens(std::vector<std::int32_t> ids, std::string name = "the text");

  std::int64_t size() const { return size_; }
  // For errors: the file's name or "the text".
  const std::string& name() const { return name_; }

  // The ids from `begin` on. Throws Error for a negative id in the file, InternalError outside [0, size()].
  void copy(std::int64_t begin, std::span<std::int32_t> ids) const;
  std::vector<std::int32_t> ids() const;

  // Those in [begin, end).
  Tokens slice(std::int64_t begin, std::int64_t end) const;

  // The last `validation_fraction` of the tokens, and what comes before. Throws Error outside [0, 1].
  struct Split;
  Split split(double validation_fraction) const;

  // Both throw Error for fewer than time + 1 tokens, or a batch or time below 1.
  Batches batches(const BatchOptions& options) const;
  Windows windows(const WindowOptions& options) const;

 protected:
  std::shared_ptr<const void> storage_;
  const std::byte* data_ = nullptr;
  std::int64_t size_ = 0;
  TokenWidth width_ = TokenWidth::i32;
  std::string name_;
};

struct Tokens::Split {
  Tokens train, validation;
};

// A file of nothing but ids, mapped. Throws SystemError; Error where its length is no multiple of an id's.
class TokenFile : public Tokens {
 public:
  explicit TokenFile(const std::string& path, TokenWidth width = TokenWidth::u16);
};

Tokens tokenize(std::string_view text, const Tokenizer& tokenizer);

// Writes such a file, atomically. Throws Error for an id that the width cannot hold; SystemError.
void write_tokens(const std::string& path, std::span<const std::int32_t> ids,
                  TokenWidth width = TokenWidth::u16, const FileSystem& files = real_files());

// Iterates over source.at(i) for i from `first` while it is below `end`.
template <class Source>
class BatchIterator {
 public:
  using value_type = Batch;
  using difference_type = std::ptrdiff_t;
  BatchIterator(const Source* source, std::int64_t at, std::int64_t end) : source_(source), at_(at), end_(end) {}
  Batch operator*() const { return source_->at(at_); }
  BatchIterator& operator++() { return ++at_, *this; }
  void operator++(int) { ++at_; }
  bool operator==(std::default_sentinel_t) const { return at_ >= end_; }

 private:
  const Source* source_;
  std::int64_t at_, end_;
};

// Batches at random places.
class Batches {
 public:
  Batches(Tokens tokens, const BatchOptions& options);
  Batch at(std::int64_t step) const;
  // Where row `row` of step `step` begins, in [0, size - time).
  std::int64_t start(std::int64_t step, std::int64_t row) const;
  BatchIterator<Batches> begin() const;
  std::default_sentinel_t end() const { return {}; }

 private:
  Tokens tokens_;
  BatchOptions options_;
  std::uint64_t key_;
};

// All windows of `time` tokens that do not overlap, first to last, `batch` at a time; the last batch may have fewer
// rows.
class Windows {
 public:
  Windows(Tokens tokens, const WindowOptions& options);
  std::int64_t windows() const { return (tokens_.size() - 1) / options_.time; }
  std::int64_t size() const { return (windows() + options_.batch - 1) / options_.batch; }  // In batches.
  Batch at(std::int64_t index) const;
  BatchIterator<Windows> begin() const { return {this, 0, size()}; }
  std::default_sentinel_t end() const { return {}; }

 private:
  Tokens tokens_;
  WindowOptions options_;
};

}  // namespace uwaga
