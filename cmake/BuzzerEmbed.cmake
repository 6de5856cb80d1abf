# Files the program carries in itself (api/files.h): schema/openapi.yaml and asyncapi.yaml as JSON.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(embed_dir ${CMAKE_BINARY_DIR}/embed)
add_custom_command(
    OUTPUT ${embed_dir}/files.c
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/embed.py ${embed_dir}/files.c
            openapi_json=${CMAKE_SOURCE_DIR}/schema/openapi.yaml asyncapi_json=${CMAKE_SOURCE_DIR}/schema/asyncapi.yaml
    DEPENDS ${CMAKE_SOURCE_DIR}/cmake/embed.py ${CMAKE_SOURCE_DIR}/schema/openapi.yaml ${CMAKE_SOURCE_DIR}/schema/asyncapi.yaml
    COMMENT "embedding files")
target_sources(api PRIVATE ${embed_dir}/files.c)
