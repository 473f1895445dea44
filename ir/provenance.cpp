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
  sets_.emplace_back();  // id 0 is the empty set, which the verifier refuses
  set_ids_[{}] = 0;
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

Provenance::OriginId Provenance::intern(Origin origin) {
  const auto [it, fresh] = origin_ids_.try_emplace(origin, static_cast<OriginId>(origins_.size()));
  if (fresh) origins_.push_back(std::move(origin));
  return it->second;
}

ProvenanceId Provenance::intern(std::vector<OriginId> set) {
  const auto [it, fresh] = set_ids_.try_emplace(set, static_cast<ProvenanceId>(sets_.size()));
  if (fresh) sets_.push_back(std::move(set));
  return it->second;
}

ProvenanceId Provenance::single(std::string_view file, std::uint32_t line, ScopeId scope, Role role) {
  return intern(std::vector<OriginId>{intern(Origin{std::string(file), line, scope, role})});
}

ProvenanceId Provenance::unite(ProvenanceId a, ProvenanceId b) {
  if (a == b || sets_[b].empty()) return a;
  if (sets_[a].empty()) return b;
  const std::uint64_t key = (static_cast<std::uint64_t>(std::min(a, b)) << 32) | std::max(a, b);
  if (const auto it = unions_.find(key); it != unions_.end()) return it->second;
  std::vector<OriginId> both;
  std::set_union(sets_[a].begin(), sets_[a].end(), sets_[b].begin(), sets_[b].end(), std::back_inserter(both));
  return unions_[key] = intern(std::move(both));
}

ProvenanceId Provenance::with_role(ProvenanceId set, Role role) {
  std::vector<OriginId> out;
  for (OriginId id : std::vector<OriginId>(sets_[set])) {
    Origin o = origins_[id];
    o.role = role;
    out.push_back(intern(std::move(o)));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return intern(std::move(out));
}

ProvenanceId Provenance::import(const Provenance& other, ProvenanceId set) {
  if (&other == this) return set;
  std::vector<OriginId> out;
  for (Origin o : other.origins(set)) {
    std::vector<ScopeId> chain;
    for (ScopeId s = o.scope; s != 0; s = other.scopes_[s].parent) chain.push_back(s);
    ScopeId mine = 0;
    for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
      const ScopeEntry& e = other.scopes_[*it];
      mine = scope(mine, e.name, e.file, e.line);
    }
    o.scope = mine;
    out.push_back(intern(std::move(o)));
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
