#include <uwaga/ir/provenance.h>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>

namespace uwaga {

std::string_view name(Role role) {
  constexpr std::string_view names[] = {"forward", "backward", "optimiser", "pass"};
  return names[static_cast<int>(role)];
}

std::string_view base_name(std::string_view file) { return file.substr(file.find_last_of('/') + 1); }

namespace {

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
  std::size_t operator()(const OriginKey& k) const {
    const std::uint64_t where = (static_cast<std::uint64_t>(k.file) << 32) | k.line;
    const std::uint64_t what = (static_cast<std::uint64_t>(k.scope) << 2) | static_cast<std::uint64_t>(k.role);
    return static_cast<std::size_t>((where * 0x9e3779b97f4a7c15u) ^ (what * 0xd6e8feb86659fd93u));
  }
};
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

}  // namespace

struct Provenance::Tables {
  FileId file(std::string_view name);
  OriginId intern(std::string_view file, const OriginKey& key);
  OriginId in_role(OriginId origin, Role role);
  ProvenanceId intern(std::vector<OriginId> set);  // sorted, each once
  ProvenanceId only(OriginId origin);              // the set of one

  std::vector<ScopeEntry> scopes;
  std::map<std::pair<ScopeId, std::string>, std::vector<ScopeId>, std::less<>> children;
  std::unordered_map<std::string, FileId, TextHash, std::equal_to<>> files;
  std::vector<Origin> origins;
  std::vector<OriginKey> keys;        // by origin
  std::vector<ProvenanceId> singles;  // by origin; 0: not asked for yet
  std::unordered_map<OriginKey, OriginId, KeyHash> origin_ids;
  std::vector<std::vector<OriginId>> sets;
  std::unordered_multimap<std::uint64_t, ProvenanceId> set_ids;  // by hash
  std::unordered_map<std::uint64_t, ProvenanceId> unions, roles;
};

Provenance::Provenance() : tables_(std::make_unique<Tables>()) {
  tables_->scopes.emplace_back();
  tables_->intern(std::vector<OriginId>());  // id 0 is the empty set, which the verifier refuses
}
Provenance::~Provenance() = default;

const std::string& Provenance::path(ScopeId scope) const { return tables_->scopes[scope].path; }
const Provenance::ScopeEntry& Provenance::scope_entry(ScopeId scope) const { return tables_->scopes[scope]; }
bool Provenance::empty(ProvenanceId set) const { return tables_->sets[set].empty(); }
std::size_t Provenance::size() const { return tables_->sets.size(); }

ScopeId Provenance::scope(ScopeId parent, std::string_view name, std::string_view file, std::uint32_t line) {
  Tables& t = *tables_;
  auto& known = t.children[{parent, std::string(name)}];
  for (ScopeId s : known)
    if (t.scopes[s].line == line && t.scopes[s].file == file) return s;
  const std::string& above = t.scopes[parent].path;
  t.scopes.push_back({parent, std::string(name), above.empty() ? std::string(name) : fmt::format("{}.{}", above, name),
                     std::string(file), line});
  known.push_back(static_cast<ScopeId>(t.scopes.size() - 1));
  return known.back();
}

FileId Provenance::Tables::file(std::string_view name) {
  if (const auto it = files.find(name); it != files.end()) return it->second;
  const auto id = static_cast<FileId>(files.size());
  files.emplace(std::string(name), id);
  return id;
}

OriginId Provenance::Tables::intern(std::string_view file, const OriginKey& key) {
  const auto [it, fresh] = origin_ids.try_emplace(key, static_cast<OriginId>(origins.size()));
  if (fresh) {
    origins.push_back({std::string(file), key.line, key.scope, key.role});
    keys.push_back(key);
    singles.push_back(0);
  }
  return it->second;
}

ProvenanceId Provenance::Tables::intern(std::vector<OriginId> set) {
  std::uint64_t hash = set.size();
  for (OriginId id : set) hash = (hash ^ id) * 0x9e3779b97f4a7c15u, hash ^= hash >> 32;
  const auto [first, last] = set_ids.equal_range(hash);
  for (auto it = first; it != last; ++it)
    if (sets[it->second] == set) return it->second;
  const auto id = static_cast<ProvenanceId>(sets.size());
  sets.push_back(std::move(set));
  set_ids.emplace(hash, id);
  return id;
}

ProvenanceId Provenance::Tables::only(OriginId origin) {
  if (singles[origin] == 0) singles[origin] = intern(std::vector<OriginId>{origin});
  return singles[origin];
}

ProvenanceId Provenance::single(std::string_view file, std::uint32_t line, ScopeId scope, Role role) {
  Tables& t = *tables_;
  return t.only(t.intern(file, {t.file(file), line, scope, role}));
}

ProvenanceId Provenance::unite(ProvenanceId a, ProvenanceId b) {
  Tables& t = *tables_;
  if (a == b || t.sets[b].empty()) return a;
  if (t.sets[a].empty()) return b;
  const std::uint64_t key = (static_cast<std::uint64_t>(std::min(a, b)) << 32) | std::max(a, b);
  if (const auto it = t.unions.find(key); it != t.unions.end()) return it->second;
  std::vector<OriginId> both;
  both.reserve(t.sets[a].size() + t.sets[b].size());
  std::set_union(t.sets[a].begin(), t.sets[a].end(), t.sets[b].begin(), t.sets[b].end(), std::back_inserter(both));
  return t.unions[key] = t.intern(std::move(both));
}

ProvenanceId Provenance::unite(std::span<const ProvenanceId> sets) {
  Tables& t = *tables_;
  if (sets.size() == 1) return sets[0];
  if (sets.size() == 2) return unite(sets[0], sets[1]);
  std::vector<ProvenanceId> distinct(sets.begin(), sets.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::vector<OriginId> all;
  for (ProvenanceId set : distinct) all.insert(all.end(), t.sets[set].begin(), t.sets[set].end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return t.intern(std::move(all));
}

OriginId Provenance::Tables::in_role(OriginId origin, Role role) {
  OriginKey key = keys[origin];
  key.role = role;
  return intern(std::string(origins[origin].file), key);
}

ProvenanceId Provenance::with_role(ProvenanceId set, Role role) {
  Tables& t = *tables_;
  const std::uint64_t key = (static_cast<std::uint64_t>(set) << 2) | static_cast<std::uint64_t>(role);
  if (const auto it = t.roles.find(key); it != t.roles.end()) return it->second;
  std::vector<OriginId> out;
  for (OriginId id : std::vector<OriginId>(t.sets[set])) out.push_back(t.in_role(id, role));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return t.roles[key] = t.intern(std::move(out));
}

ProvenanceId Provenance::import(const Provenance& other, ProvenanceId set) {
  Tables& t = *tables_;
  if (&other == this) return set;
  std::vector<OriginId> out;
  for (const Origin& o : other.origins(set)) {
    std::vector<ScopeId> chain;
    for (ScopeId s = o.scope; s != 0; s = other.tables_->scopes[s].parent) chain.push_back(s);
    ScopeId mine = 0;
    for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
      const ScopeEntry& e = other.tables_->scopes[*it];
      mine = scope(mine, e.name, e.file, e.line);
    }
    out.push_back(t.intern(o.file, {t.file(o.file), o.line, mine, o.role}));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return t.intern(std::move(out));
}

std::vector<Origin> Provenance::origins(ProvenanceId set) const {
  const Tables& t = *tables_;
  std::vector<Origin> out;
  for (OriginId id : t.sets[set]) out.push_back(t.origins[id]);
  return out;
}

std::string Provenance::brief(ProvenanceId set) const {
  const Tables& t = *tables_;
  if (t.sets[set].empty()) return "(no origin)";
  const Origin& o = t.origins[t.sets[set].front()];
  const std::string& where = path(o.scope);
  return where.empty() ? fmt::format("{}:{}", base_name(o.file), o.line)
                       : fmt::format("{}:{} in {}", base_name(o.file), o.line, where);
}

std::string Provenance::call_chain(const Origin& origin) const {
  const Tables& t = *tables_;
  std::string out = fmt::format("{}:{}", base_name(origin.file), origin.line);
  for (ScopeId s = origin.scope; s != 0; s = t.scopes[s].parent)
    out = fmt::format("{}:{} {} -> {}", base_name(t.scopes[s].file), t.scopes[s].line, t.scopes[s].name, out);
  return out;
}

}  // namespace uwaga
