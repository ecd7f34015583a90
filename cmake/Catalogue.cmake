# overparam_catalogue(<target> FUNCTION <ns::function> TYPE <type> HEADER <header> NAMES <name>...)
#
# Builds a catalogue from files of the current folder: <name>.cpp defines `TYPE name();` in the
# namespace of FUNCTION (dashes become underscores), and FUNCTION returns all of them in the listed
# order. Adding an entry is one file and one word in NAMES; a .cpp that is not listed is an error.
# A generated table rather than self-registration: linkers drop objects that only register
# themselves from static libraries.
function(overparam_catalogue target)
  cmake_parse_arguments(PARSE_ARGV 1 CATALOGUE "" "FUNCTION;TYPE;HEADER" "NAMES")

  string(REGEX REPLACE "::[^:]*$" "" namespace "${CATALOGUE_FUNCTION}")
  string(REGEX REPLACE "^.*::" "" function "${CATALOGUE_FUNCTION}")
  set(declarations "")
  set(calls "")
  foreach(name IN LISTS CATALOGUE_NAMES)
    string(MAKE_C_IDENTIFIER "${name}" identifier)
    string(APPEND declarations "${CATALOGUE_TYPE} ${identifier}();\n")
    string(APPEND calls "      ${identifier}(),\n")
    target_sources(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/${name}.cpp")
  endforeach()

  file(GLOB found CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}"
       "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  foreach(file IN LISTS found)
    string(REGEX REPLACE "\\.cpp$" "" name "${file}")
    if(NOT name IN_LIST CATALOGUE_NAMES)
      message(FATAL_ERROR "${CMAKE_CURRENT_SOURCE_DIR}/${file} is not listed in the catalogue "
                          "${CATALOGUE_FUNCTION}: add ${name} to NAMES beside it")
    endif()
  endforeach()

  set(table "${CMAKE_CURRENT_BINARY_DIR}/${function}_table.cpp")
  file(
    CONFIGURE
    OUTPUT "${table}"
    CONTENT
      "#include \"${CATALOGUE_HEADER}\"

namespace ${namespace} {

@declarations@
const std::vector<${CATALOGUE_TYPE}>& ${function}() {
  static const std::vector<${CATALOGUE_TYPE}> entries{
@calls@  };
  return entries;
}

}  // namespace ${namespace}
"
    @ONLY)
  target_sources(${target} PRIVATE "${table}")
endfunction()
