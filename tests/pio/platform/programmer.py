"""Stands for every upload tool: the image becomes the content of a file, or the upload fails with a given text."""

import os
import shutil
import sys

failure = os.environ.get("TINYML_TEST_UPLOAD_ERROR")
if failure:
    with open(failure, encoding="utf-8") as text:
        sys.exit(text.read())
image = os.path.splitext(sys.argv[1])[0] + ".elf"  # QEMU wants the ELF of whatever form is uploaded
flash = os.environ["TINYML_TEST_FLASH"]
shutil.copyfile(image, flash + ".part")
os.replace(flash + ".part", flash)
print("uploaded through", sys.argv[2] if len(sys.argv) > 2 else "no port")
