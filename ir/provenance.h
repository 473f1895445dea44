// Where a node comes from: a non-empty set of origins that every pass keeps.
//
// An origin is a source line, the scope it was written in (with the lines that opened the scopes, so that the whole call
// chain can be told: "gpt.cpp:22 h.3 -> gpt.cpp:9 attn -> gpt.cpp:5 q"), and a role. Merging nodes unites their sets.
// One table serves a program and all graphs derived from it; it only ever grows.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
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
  ~Provenance();

  ScopeId scope(ScopeId parent, std::string_view name, std::string_view file, std::uint32_t line);
  const std::string& path(ScopeId scope) const;  // "h.3.attn", "" for the root

  // A scope as it was opened.
  struct ScopeEntry {
    ScopeId parent = 0;
    std::string name, path, file;
    std::uint32_t line = 0;
  };
  const ScopeEntry& scope_entry(ScopeId scope) const;

  ProvenanceId single(std::string_view file, std::uint32_t line, ScopeId scope, Role role = Role::forward);
  ProvenanceId unite(ProvenanceId a, ProvenanceId b);
  // Of all at once: in time linear in the origins, where one after another would be quadratic.
  ProvenanceId unite(std::span<const ProvenanceId> sets);
  // The same origins in another role.
  ProvenanceId with_role(ProvenanceId set, Role role);
  // The sets of another table, entered into this one.
  ProvenanceId import(const Provenance& other, ProvenanceId set);

  std::vector<Origin> origins(ProvenanceId set) const;
  bool empty(ProvenanceId set) const;
  std::size_t size() const;  // of ids given out

  // "gpt.cpp:9 in h.3.attn.q": the first origin, for errors and listings.
  std::string brief(ProvenanceId set) const;
  // "gpt.cpp:22 h.3 -> gpt.cpp:9 attn -> gpt.cpp:5 q -> gpt.cpp:31": every scope with the line that opened it.
  std::string call_chain(const Origin& origin) const;

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

// The last component of a path: what listings and errors show of a file.
std::string_view base_name(std::string_view file);

}  // namespace uwaga
