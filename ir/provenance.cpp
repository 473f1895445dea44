#include <uwaga/ir/provenance.h>

#include <fmt/format.h>

#include <algorithm>

namespace uwaga {

std::string_view name(Role role) {
  constexpr std::string_view names[] = {"forward", "backward", "optimiser", "pass"};
  return names[static_cast<int>(role)];
}

std::string_view base_name(std::string_view file) { return file.substr(file.find_last_of('/') + 1); }

Provenance::Provenance() {
  scopes_.emplace_back();
  intern(std::vector<OriginId>());  // id 0 is the empty set, which the verifier refuses
}

ScopeId Provenance::scope(ScopeId parent, std::string_view name, std::string_view file, std::uint32_t line) {
  auto& known = children_[{parent, std::string(name)}];
  for (ScopeId s : known)
    if (scopes_[s].line == line && scopes_[s].file == file) return s;
  const std::string& above = scopes_[parent].path;
  scopes_.push_back({parent, std::string(name), above.empty() ? std::string(name) : fmt::format("{}.{}", above, name),
                     std::string(file), line});
  known.push_back(static_cast<ScopeId>(scopes_.size() - 1));
  return known.back();
}

std::size_t Provenance::KeyHash::operator()(const OriginKey& k) const {
  const std::uint64_t where = (static_cast<std::uint64_t>(k.file) << 32) | k.line;
  const std::uint64_t what = (static_cast<std::uint64_t>(k.scope) << 2) | static_cast<std::uint64_t>(k.role);
  return static_cast<std::size_t>((where * 0x9e3779b97f4a7c15u) ^ (what * 0xd6e8feb86659fd93u));
}

Provenance::FileId Provenance::file(std::string_view name) {
  if (const auto it = files_.find(name); it != files_.end()) return it->second;
  const auto id = static_cast<FileId>(files_.size());
  files_.emplace(std::string(name), id);
  return id;
}

Provenance::OriginId Provenance::intern(std::string_view file, const OriginKey& key) {
  const auto [it, fresh] = origin_ids_.try_emplace(key, static_cast<OriginId>(origins_.size()));
  if (fresh) {
    origins_.push_back({std::string(file), key.line, key.scope, key.role});
    keys_.push_back(key);
    singles_.push_back(0);
  }
  return it->second;
}

ProvenanceId Provenance::intern(std::vector<OriginId> set) {
  std::uint64_t hash = set.size();
  for (OriginId id : set) hash = (hash ^ id) * 0x9e3779b97f4a7c15u, hash ^= hash >> 32;
  const auto [first, last] = set_ids_.equal_range(hash);
  for (auto it = first; it != last; ++it)
    if (sets_[it->second] == set) return it->second;
  const auto id = static_cast<ProvenanceId>(sets_.size());
  sets_.push_back(std::move(set));
  set_ids_.emplace(hash, id);
  return id;
}

ProvenanceId Provenance::only(OriginId origin) {
  if (singles_[origin] == 0) singles_[origin] = intern(std::vector<OriginId>{origin});
  return singles_[origin];
}

ProvenanceId Provenance::single(std::string_view file, std::uint32_t line, ScopeId scope, Role role) {
  return only(intern(file, {this->file(file), line, scope, role}));
}

ProvenanceId Provenance::unite(ProvenanceId a, ProvenanceId b) {
  if (a == b || sets_[b].empty()) return a;
  if (sets_[a].empty()) return b;
  const std::uint64_t key = (static_cast<std::uint64_t>(std::min(a, b)) << 32) | std::max(a, b);
  if (const auto it = unions_.find(key); it != unions_.end()) return it->second;
  std::vector<OriginId> both;
  both.reserve(sets_[a].size() + sets_[b].size());
  std::set_union(sets_[a].begin(), sets_[a].end(), sets_[b].begin(), sets_[b].end(), std::back_inserter(both));
  return unions_[key] = intern(std::move(both));
}

ProvenanceId Provenance::unite(std::span<const ProvenanceId> sets) {
  if (sets.size() == 1) return sets[0];
  if (sets.size() == 2) return unite(sets[0], sets[1]);
  std::vector<ProvenanceId> distinct(sets.begin(), sets.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::vector<OriginId> all;
  for (ProvenanceId set : distinct) all.insert(all.end(), sets_[set].begin(), sets_[set].end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return intern(std::move(all));
}

Provenance::OriginId Provenance::in_role(OriginId origin, Role role) {
  OriginKey key = keys_[origin];
  key.role = role;
  return intern(std::string(origins_[origin].file), key);
}

ProvenanceId Provenance::with_role(ProvenanceId set, Role role) {
  const std::uint64_t key = (static_cast<std::uint64_t>(set) << 2) | static_cast<std::uint64_t>(role);
  if (const auto it = roles_.find(key); it != roles_.end()) return it->second;
  std::vector<OriginId> out;
  for (OriginId id : std::vector<OriginId>(sets_[set])) out.push_back(in_role(id, role));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return roles_[key] = intern(std::move(out));
}

ProvenanceId Provenance::import(const Provenance& other, ProvenanceId set) {
  if (&other == this) return set;
  std::vector<OriginId> out;
  for (const Origin& o : other.origins(set)) {
    std::vector<ScopeId> chain;
    for (ScopeId s = o.scope; s != 0; s = other.scopes_[s].parent) chain.push_back(s);
    ScopeId mine = 0;
    for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
      const ScopeEntry& e = other.scopes_[*it];
      mine = scope(mine, e.name, e.file, e.line);
    }
    out.push_back(intern(o.file, {file(o.file), o.line, mine, o.role}));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return intern(std::move(out));
}

std::vector<Origin> Provenance::origins(ProvenanceId set) const {
  std::vector<Origin> out;
  for (OriginId id : sets_[set]) out.push_back(origins_[id]);
  return out;
}

std::string Provenance::brief(ProvenanceId set) const {
  if (sets_[set].empty()) return "(no origin)";
  const Origin& o = origins_[sets_[set].front()];
  const std::string& where = path(o.scope);
  return where.empty() ? fmt::format("{}:{}", base_name(o.file), o.line)
                       : fmt::format("{}:{} in {}", base_name(o.file), o.line, where);
}

std::string Provenance::call_chain(const Origin& origin) const {
  std::string out = fmt::format("{}:{}", base_name(origin.file), origin.line);
  for (ScopeId s = origin.scope; s != 0; s = scopes_[s].parent)
    out = fmt::format("{}:{} {} -> {}", base_name(scopes_[s].file), scopes_[s].line, scopes_[s].name, out);
  return out;
}

}  // namespace uwaga
