"""What the documents take from the code: `python -m docs.generate`, part of `make docs`.

Belongs here: pages, pictures and the editor's schema that are made from the package. A test fails
where what is committed is not what this makes.
"""
