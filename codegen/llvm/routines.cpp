// Routines: a function of pointers to its buffers and its arguments, and the call of one.
#include <uwaga/codegen/kernel/routine.h>
#include <uwaga/codegen/llvm/internal/emitter.h>

namespace uwaga::kernel {

llvm::FunctionType* Emitter::signature(const Kernel& routine) const {
  std::vector<llvm::Type*> parameters(routine.buffers.size(), llvm::PointerType::get(context_, 0));
  for (DType dtype : routine.arguments) parameters.push_back(scalar(dtype));
  return llvm::FunctionType::get(llvm::Type::getVoidTy(context_), parameters, false);
}

void Emitter::routine_body() {
  for (std::size_t i = 0; i < kernel_.buffers.size(); ++i) buffers_.push_back(function_->getArg(static_cast<unsigned>(i)));
  for (std::size_t i = 0; i < kernel_.arguments.size(); ++i)
    arguments_.push_back(function_->getArg(static_cast<unsigned>(kernel_.buffers.size() + i)));
  block(kernel_.body);
}

void Emitter::call(const Stmt& s) {
  const Routine routine = extract(kernel_, s);
  std::vector<llvm::Value*> arguments;
  for (BufferId b : routine.buffers) arguments.push_back(buffers_[b]);
  for (std::size_t i = 0; i < routine.kernel.arguments.size(); ++i) arguments.push_back(value(s.body[i].value));
  llvm::FunctionCallee function = module_.getOrInsertFunction(symbol(routine), signature(routine.kernel));
  auto* declared = llvm::cast<llvm::Function>(function.getCallee());
  declared->setDSOLocal(true);
  declared->addFnAttr(llvm::Attribute::NoUnwind);
  at(s.ordinal);
  b_.CreateCall(function, arguments);
  for (std::size_t i = 0; i < routine.buffers.size(); ++i)
    if (routine.kernel.buffers[i].written) changed(buffer_key(routine.buffers[i]));
}

}  // namespace uwaga::kernel
