// Listings of a kernel, with the op behind each instruction. Both are compiled with debug lines that hold the ordinal.
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/Support/raw_ostream.h>

#include <charconv>
#include <sstream>

#include <uwaga/codegen/kernel/routine.h>
#include <uwaga/codegen/llvm/internal/worker.h>

namespace uwaga {
namespace {

int ordinal_of(const llvm::Instruction& i) {
  const llvm::DebugLoc& location = i.getDebugLoc();
  return location ? static_cast<int>(location.getLine()) - 1 : -1;
}

std::string printed(const llvm::Instruction& i) {
  std::string text;
  llvm::raw_string_ostream out(text);
  i.print(out);
  if (const auto at = text.find(", !dbg"); at != std::string::npos) text.erase(at);
  return text;
}

// Of one function.
void list_assembly(CompileWorker& worker, const kernel::Kernel& kernel, const std::string& symbol, std::vector<ListingLine>& lines) {
  llvm::LLVMContext context;
  const auto module = worker.emit(kernel, context, /*whole=*/false);
  module->getFunction(kKernelSymbol)->setName(symbol);
  llvm::SmallVector<char, 0> text;
  worker.assemble(kernel, *module, text);
  std::istringstream in(std::string(text.data(), text.size()));
  int ordinal = -1;
  bool code = false;
  for (std::string line; std::getline(in, line);) {
    const auto start = line.find_first_not_of(" \t");
    if (start == std::string::npos) continue;
    const std::string_view word = std::string_view(line).substr(start);
    if (word.starts_with(".section") || word.starts_with(".text")) {
      code = word.starts_with(".text");
      if (word.find("debug") != word.npos) break;  // nothing but debug tables from here on
      if (code) continue;
    }
    if (word.starts_with(".loc")) {  // .loc FILE LINE COLUMN ...: holds for what follows
      const auto space = word.find_first_of(" \t");
      std::istringstream fields(std::string(word.substr(space)));
      int file = 0, number = 0;
      fields >> file >> number;
      if (number > 0) ordinal = number - 1;  // line 0: made by the code generator; counted with what is around it
      continue;
    }
    if (word.starts_with(".cfi") || word.starts_with(".file") || word.starts_with(".ident") || word.starts_with("#") ||
        word.starts_with(".Lfunc_") || word.starts_with(".Ltmp") || word.starts_with(".size") ||
        word.starts_with(".type") || word.starts_with(".globl"))
      continue;
    if (const auto comment = line.find(" # "); comment != std::string::npos) line.erase(comment);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.pop_back();
    if (line.empty()) continue;
    const bool instruction = code && start > 0 && word[0] != '.';
    lines.push_back({line, instruction ? ordinal : -1, instruction});
  }
}

}  // namespace

std::vector<ListingLine> HostCompiler::llvm_listing(const kernel::Kernel& kernel) const {
  CompileOptions options = options_;
  options.origins = true;
  CompileWorker worker(target_, options);
  llvm::LLVMContext context;
  const auto module = worker.emit(kernel, context, /*whole=*/true);
  std::vector<ListingLine> lines;
  for (const llvm::Function& f : *module) {
    if (f.isDeclaration()) continue;
    std::string head = "define void @" + f.getName().str() + "(";
    llvm::raw_string_ostream out(head);
    for (const llvm::Argument& a : f.args()) {
      if (a.getArgNo() > 0) out << ", ";
      a.getType()->print(out);
      out << " %" << a.getArgNo();
    }
    lines.push_back({head + ") {", -1, false});
    for (const llvm::BasicBlock& block : f) {
      lines.push_back({block.getName().str() + ":", -1, false});
      for (const llvm::Instruction& i : block) lines.push_back({printed(i), ordinal_of(i), true});
    }
    lines.push_back({"}", -1, false});
  }
  return lines;
}

std::vector<ListingLine> HostCompiler::assembly_listing(const kernel::Kernel& kernel) const {
  CompileOptions options = options_;
  options.origins = true;
  CompileWorker worker(target_, options);
  std::vector<ListingLine> lines;
  list_assembly(worker, kernel, kKernelSymbol, lines);
  for (const kernel::Routine& routine : kernel::different_routines(kernel)) list_assembly(worker, routine.kernel, kernel::symbol(routine), lines);
  return lines;
}

}  // namespace uwaga
