// Writes the function of one kernel.
//
// An expression is text, one a lane. What is used more than once, and what grows long, gets a name where it is first
// needed; the name serves while nothing that the expression reads (a mutable variable, a buffer) can have changed.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include <uwaga/codegen/kernel/kernel.h>

namespace uwaga::kernel {

using Lanes = std::vector<std::string>;

class CudaEmitter {
 public:
  explicit CudaEmitter(const Kernel& kernel);
  std::string function(const std::string& name);

 private:
  // emit.cpp
  void header(const std::string& name);
  void tasks();
  void memory();
  void block(const std::vector<Stmt>& body);
  void statement(const Stmt& s);
  void let(const Stmt& s);
  void assign(const Stmt& s);
  void store(const Stmt& s);
  void fail(const Stmt& s);
  void loop(const Stmt& s);
  void branch(const Stmt& s);
  void line(const std::string& text, Ordinal ordinal);
  void enter();
  void leave();
  void touch();  // memory or a variable has changed: forget what read it
  std::string variable(VarId id, int lane) const;

  // expressions.cpp
  void study();
  const Lanes* find(ExprId id) const;  // where it is known already
  const Lanes& value(ExprId id);
  std::string scalar(ExprId id) { return value(id)[0]; }
  Lanes compute(const Expr& e);
  std::string arithmetic(const Expr& e, const std::vector<const Lanes*>& args, std::size_t lane);
  std::string cast(const std::string& x, DType from, DType to) const;
  std::string load(const Expr& e, const std::string& at, const std::string* mask) const;
  // A name for a text, unless it is one already.
  std::string named(const std::string& text, DType type, Ordinal ordinal, bool always = false);
  bool positive(ExprId id) const;  // surely above 0, or a size
  Lanes frozen(ExprId id);  // values that later stores do not change

  const Kernel& k_;
  std::string out_;
  int depth_ = 1, names_ = 0, barriers_ = 0;
  std::vector<int> uses_;          // of an expression, in the whole kernel
  std::vector<bool> pure_;         // reads no buffer and no mutable variable
  std::vector<bool> index_;        // i64 arithmetic on indices and sizes, which do not overflow
  std::vector<bool> assigned_, index_variable_;  // by variable
  std::vector<std::string> variable_prefix_;
  std::vector<std::unordered_map<ExprId, Lanes>> known_;  // one map a block that is open
};

std::string_view cuda_type(DType d);
// A name of what never changes while it can be seen: all names but those of mutable variables.
bool is_constant_name(const std::string& text);

}  // namespace uwaga::kernel
