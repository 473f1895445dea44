// Where a node comes from: a non-empty set of origins that every pass keeps.
//
// An origin is a source line, the scope it was written in (with the lines that opened the scopes, so that the whole call
// chain can be told: "gpt.cpp:22 h.3 -> gpt.cpp:9 attn -> gpt.cpp:5 q"), and a role. Merging nodes unites their sets.
// One table serves a program and all graphs derived from it; it only ever grows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace uwaga {

enum class Role : std::uint8_t { forward, backward, optimiser, pass };
std::string_view name(Role);

using ScopeId = std::uint32_t;       // 0 is the root
using ProvenanceId = std::uint32_t;  // a set of origins

struct Origin {
  std::string file;  // as the compiler gave it
  std::uint32_t line = 0;
  ScopeId scope = 0;
  Role role = Role::forward;
  friend auto operator<=>(const Origin&, const Origin&) = default;
};

class Provenance {
 public:
  Provenance();

  ScopeId scope(ScopeId parent, std::string_view name, std::string_view file, std::uint32_t line);
  const std::string& path(ScopeId scope) const { return scopes_[scope].path; }  // "h.3.attn", "" for the root

  // A scope as it was opened.
  struct ScopeEntry {
    ScopeId parent = 0;
    std::string name, path, file;
    std::uint32_t line = 0;
  };
  const ScopeEntry& scope_entry(ScopeId scope) const { return scopes_[scope]; }

  ProvenanceId single(std::string_view file, std::uint32_t line, ScopeId scope, Role role = Role::forward);
  ProvenanceId unite(ProvenanceId a, ProvenanceId b);
  // Of all at once: in time linear in the origins, where one after another would be quadratic.
  ProvenanceId unite(std::span<const ProvenanceId> sets);
  // The same origins in another role.
  ProvenanceId with_role(ProvenanceId set, Role role);
  // The sets of another table, entered into this one.
  ProvenanceId import(const Provenance& other, ProvenanceId set);

  std::vector<Origin> origins(ProvenanceId set) const;
  bool empty(ProvenanceId set) const { return sets_[set].empty(); }
  std::size_t size() const { return sets_.size(); }  // of ids given out

  // "gpt.cpp:9 in h.3.attn.q": the first origin, for errors and listings.
  std::string brief(ProvenanceId set) const;
  // "gpt.cpp:22 h.3 -> gpt.cpp:9 attn -> gpt.cpp:5 q -> gpt.cpp:31": every scope with the line that opened it.
  std::string call_chain(const Origin& origin) const;

 private:
  using OriginId = std::uint32_t;
  using FileId = std::uint32_t;
  struct OriginKey {
    FileId file;
    std::uint32_t line;
    ScopeId scope;
    Role role;
    friend bool operator==(const OriginKey&, const OriginKey&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const OriginKey& k) const;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  FileId file(std::string_view name);
  OriginId intern(std::string_view file, const OriginKey& key);
  OriginId in_role(OriginId origin, Role role);
  ProvenanceId intern(std::vector<OriginId> set);  // sorted, each once
  ProvenanceId only(OriginId origin);              // the set of one

  std::vector<ScopeEntry> scopes_;
  std::map<std::pair<ScopeId, std::string>, std::vector<ScopeId>, std::less<>> children_;
  std::unordered_map<std::string, FileId, TextHash, std::equal_to<>> files_;
  std::vector<Origin> origins_;
  std::vector<OriginKey> keys_;          // by origin
  std::vector<ProvenanceId> singles_;    // by origin; 0: not asked for yet
  std::unordered_map<OriginKey, OriginId, KeyHash> origin_ids_;
  std::vector<std::vector<OriginId>> sets_;
  std::unordered_multimap<std::uint64_t, ProvenanceId> set_ids_;  // by hash
  std::unordered_map<std::uint64_t, ProvenanceId> unions_, roles_;
};

// The last component of a path: what listings and errors show of a file.
std::string_view base_name(std::string_view file);

}  // namespace uwaga
