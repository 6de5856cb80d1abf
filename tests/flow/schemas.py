"""Validators for the schemas of /openapi.json and /asyncapi.json."""
import jsonschema


def schema_of(document, schema):
    """A validator for one schema of the document; $ref is into the document."""
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, resolver=jsonschema.RefResolver("", document))
