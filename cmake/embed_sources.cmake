# cmake -DROOT=... -DFILES=models/gpt2.cpp,models/llama.cpp -DOUTPUT=embedded_sources.cpp -P cmake/embed_sources.cmake
# Writes what tools/model_sources.h declares: the files' texts, as they are when the command is built.
string(REPLACE "," ";" files "${FILES}")
set(texts "")
foreach(file ${files})
  file(READ ${ROOT}/${file} text)
  string(APPEND texts "    {\"${file}\", R\"uwaga(${text})uwaga\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"tools/model_sources.h\"

namespace uwaga {

const std::vector<ModelSource>& model_sources() {
  static const std::vector<ModelSource> all{
${texts}  };
  return all;
}

}  // namespace uwaga
")
