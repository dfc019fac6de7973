"""Where each column of a message, item, point and fault row stands among its 64-bit cells.

Cell 0 of every row is its validity mask: bit k says that cell k was written.
"""

# Cells of a message row.
M_FRAME = 1
M_FIRST_FRAME = 2
M_TIME = 3
M_FLOW = 4
M_DIRECTION = 5
M_PROTOCOL = 6
M_KIND = 7
M_FUNCTION = 8
M_OPERATION = 9
M_UNIT = 10
M_OBJECT = 11
M_BLOCK = 12
M_ADDRESS = 13
M_BIT = 14
M_QUANTITY = 15
M_STATUS = 16
M_TRANSACTION = 17
M_DTYPE = 18
M_STEP = 19
M_DATA = 20
M_DATA_LENGTH = 21
M_NAME = 22
M_FAULT = 23
M_DETAIL = 24
M_OFFSET = 25
M_LENGTH = 26
M_INDEX = 27
M_EXT = 28
M_SHAPE = 29
M_WIDTH = 30

# Cells of an item row.
I_MESSAGE = 1
I_INDEX = 2
I_OBJECT = 3
I_BLOCK = 4
I_ADDRESS = 5
I_BIT = 6
I_QUANTITY = 7
I_DTYPE = 8
I_STEP = 9
I_DATA = 10
I_DATA_LENGTH = 11
I_STATUS = 12
I_NAME = 13
I_WIDTH = 14

# Cells of a point row.
P_MESSAGE = 1
P_OBJECT = 2
P_BLOCK = 3
P_ADDRESS = 4
P_BIT = 5
P_VALUE = 6
P_TEXT = 7
P_QUALITY = 8
P_STAMP = 9
P_ACCESS = 10
P_ITEM = 11
P_WIDTH = 12

# Cells of a fault row.
F_FRAME = 1
F_TIME = 2
F_FLOW = 3
F_CODE = 4
F_COUNT = 5
F_DETAIL = 6
F_PROTOCOL = 7
F_OFFSET = 8
F_WIDTH = 9
